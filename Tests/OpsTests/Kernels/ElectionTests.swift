import CKernels
import TestSupport
import Testing

@Suite struct ElectionTests {
  /// The disjoint merge as its definition has it, one element at a time.
  private func plain(_ values: [[Float]], _ weights: [Float], normalize: Bool) -> [Float] {
    values[0].indices.map { place in
      let weighted = zip(values, weights).map { $0[place] * $1 }
      let sign: Float = weighted.dropFirst().reduce(weighted[0], +) >= 0 ? 1 : -1
      var (sum, divisor): (Float, Float) = (0, 0)
      for (value, weight) in zip(weighted, weights) where value * sign > 0 {
        sum += value
        divisor += weight
      }
      return normalize ? sum / (divisor == 0 ? 1 : divisor) : sum
    }
  }

  /// Ternary models as bit planes, and as the numbers that these stand for.
  private struct Ternary {
    var mask: [UInt64]
    var sign: [UInt64]
    var scales: [Float]
    var values: [Float]

    init(_ count: Int, density: Double, rowLength: Int, _ random: inout SplitMix64) {
      let rows = rowLength == 0 ? 1 : (count + rowLength - 1) / rowLength
      scales = (0..<rows).map { _ in Float(random.unit()) / 64 }
      mask = Array(repeating: 0, count: count / 64 + 1)
      sign = mask
      values = Array(repeating: 0, count: count)
      for place in 0..<count where random.unit() < density {
        mask[place / 64] |= 1 << UInt64(place % 64)
        let scale = scales[rowLength == 0 ? 0 : place / rowLength]
        values[place] = scale
        guard random.unit() < 0.5 else { continue }
        sign[place / 64] |= 1 << UInt64(place % 64)
        values[place] = -scale
      }
    }
  }

  @Test(arguments: [0, 100], [1, 2, 8])
  func `An election over bit planes is that over the numbers that they stand for`(rowLength: Int, models: Int) {
    var random = SplitMix64(seed: UInt64(rowLength + models))
    let count = 3000
    let ternary = (0..<models).map { model in
      Ternary(count, density: model == 0 ? 0.5 : 0.05, rowLength: rowLength, &random)
    }
    let weights: [Float] = (0..<models).map { [1, 0.6, -0.5, 0, 2][$0 % 5] }
    for normalize in [false, true] {
      for (first, length) in [(0, count), (1, 1), (37, 2048), (64, 300), (2990, 10), (63, 66)] {
        let windows = UnsafeMutablePointer<weir_plane_window>.allocate(capacity: models)
        var pointers: [UnsafePointer<weir_plane_window>?] = []
        var kept: [UnsafeMutableRawPointer] = []
        for (number, model) in ternary.enumerated() {
          func copy<Element>(_ array: [Element]) -> UnsafeMutablePointer<Element> {
            let memory = UnsafeMutablePointer<Element>.allocate(capacity: array.count)
            memory.initialize(from: array, count: array.count)
            kept.append(UnsafeMutableRawPointer(memory))
            return memory
          }
          windows[number] = weir_plane_window(
            mask: copy(model.mask), sign: copy(model.sign), scales: copy(model.scales), row_length: rowLength,
            first_column: 0)
          pointers.append(UnsafePointer(windows + number))
        }
        var found = [Float](repeating: .nan, count: length)
        pointers.withUnsafeMutableBufferPointer {
          weir_elected_planes_f32(&found, $0.baseAddress, weights, models, normalize ? 1 : 0, first, length)
        }
        let parts = ternary.map { Array($0.values[first..<first + length]) }
        #expect(found == plain(parts, weights, normalize: normalize))
        kept.forEach { $0.deallocate() }
        windows.deallocate()
      }
    }
  }

  @Test(arguments: 1...10, [1, 63, 256, 700])
  func `An election over tiles takes each element by itself, of each model what is not trimmed`(models: Int, count: Int)
  {
    var random = SplitMix64(seed: UInt64(models * count))
    let values = (0..<models).map { _ in (0..<count).map { _ in Float(random.int(-3..<4)) / 4 } }
    let weights: [Float] = (0..<models).map { [1, 0.3, -1, 2, 0][$0 % 5] }
    // Keys are bits of magnitudes; the last model is not trimmed.
    let least = (0..<models).map { $0 == models - 1 ? 0 : Float([0.25, 0.5, 0.75, 1][$0 % 4]).bitPattern }
    let kept = zip(values, least).map { tile, least in tile.map { $0.magnitude.bitPattern >= least ? $0 : 0 } }
    for normalize in [false, true] {
      let tiles = values.map { tile in
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
        memory.initialize(from: tile, count: count)
        return memory
      }
      var pointers = tiles.map { UnsafePointer<Float>?($0) }
      // The result takes the place of the first operand.
      pointers.withUnsafeMutableBufferPointer {
        weir_elected_sum_f32(
          tiles[0], $0.baseAddress, least, weights, models, normalize ? 1 : 0, count)
      }
      #expect(Array(UnsafeBufferPointer(start: tiles[0], count: count)) == plain(kept, weights, normalize: normalize))
      tiles.forEach { $0.deallocate() }
    }
  }
}
