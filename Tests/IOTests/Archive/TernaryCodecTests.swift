import Testing
import TestSupport
import WeirTensors

@testable import WeirIO

private let codecs: [ArchiveCodec] = [.ternary, .ternaryPlane, .ternaryContext]

/// Elements, elements of a row, and the tensor's index of the first.
private let shapes: [(count: Int, row: Int, first: Int)] = [
  (1, 1, 0), (5, 1, 0), (3, 3, 0), (70, 7, 0), (64, 8, 0), (90, 9, 0), (630, 63, 0), (64, 64, 0), (650, 65, 0),
  (384, 384, 0), (384 * 200, 384, 384 * 1000), (4096 * 20, 4096, 0), (65_535, 65_535, 0), (65_537, 65_537, 0),
  (300_000, 600_000, 524_288),  // two rows, both in part
  (524_288, 600_000, 524_288), (100_001, 3, 0), (1 << 19, 1 << 19, 0),
]

@Suite struct TernaryCodecTests {
  @Test(arguments: codecs)
  func `Blocks of every shape come back`(codec: ArchiveCodec) throws {
    let bench = try CodecBench()
    for shape in shapes {
      for density in shape.count > 100_000 ? [0.07] : [0, 1e-3, 0.05, 0.5, 0.97, 1] {
        let block = CodecCase(count: shape.count, row: shape.row, first: shape.first) { row, _ in
          row % 3 == 1 ? density / 8 : density
        }
        let result = try bench.roundTrip(block, codec)
        #expect(result.values == block.values, "\(shape), density \(density)")
        let kept = block.values.count { $0 != 0 }
        let plain = 1 + (shape.count + 7) / 8 + (kept + 7) / 8 + 4
        #expect(result.payload.count <= plain, "\(shape), density \(density): larger than plain bits")
      }
    }
  }

  @Test(arguments: codecs)
  func `Scales per row come back, and a row that keeps nothing has none`(codec: ArchiveCodec) throws {
    let bench = try CodecBench()
    for shape in shapes where shape.count <= 100_000 {
      let block = CodecCase(
        count: shape.count, row: shape.row, first: shape.first, scale: { Float($0 % 11 + 1) * 0x1p-12 },
        density: { row, _ in row % 4 == 3 ? 0 : 0.3 })
      let result = try bench.roundTrip(block, codec)
      #expect(result.values == block.values, "\(shape)")
      for index in 0..<block.place.segmentCount where bench.planes.isPerRow {
        let segment = block.place.segment(index)
        let magnitude = block.values[segment].map(\.magnitude).max()
        #expect(bench.planes.scales[index] == magnitude)
      }
    }
  }

  @Test(arguments: codecs)
  func `One kept element, and one dropped element, come back`(codec: ArchiveCodec) throws {
    let bench = try CodecBench()
    for count in [1, 8, 9, 64, 65, 385, 70_000] {
      for (most, odd) in [(Float(0), Float(-3)), (-3, 0)] {
        var block = CodecCase(count: count, row: count) { _, _ in 0 }
        block.values = Array(repeating: most, count: count)
        for place in Set([0, count / 2, count - 1]) {
          block.values[place] = odd
          #expect(try bench.roundTrip(block, codec).values == block.values)
          block.values[place] = most
        }
      }
    }
  }

  @Test func `A zero loses its sign`() throws {
    let bench = try CodecBench()
    var block = CodecCase(count: 3, row: 3) { _, _ in 0 }
    block.values = [-0.0, 2, 0]
    let values = try bench.roundTrip(block, .ternary).values
    #expect(values == [0, 2, 0])
    #expect(values[0].sign == .plus)
  }

  @Test(arguments: [DType.f32, .f16, .bf16])
  func `The base's exponents are contexts for every type`(dtype: DType) throws {
    let bench = try CodecBench()
    var block = CodecCase(count: 40_000, row: 200, dtype: dtype) { _, _ in 0 }
    // Elements whose base's bytes are even in one bit are kept more often: only the exponent's lowest bit tells.
    var random = SplitMix64(seed: 9)
    let width = dtype.byteCount
    for index in 0..<40_000 {
      let top = block.base[(index + 1) * width - 1]
      let bit = dtype == .f16 ? top >> 2 & 1 : top & 1
      block.values[index] = random.unit() < (bit == 0 ? 0.3 : 0.01) ? (random.next() % 2 == 0 ? 0.25 : -0.25) : 0
    }
    let context = try bench.roundTrip(block, .ternaryContext)
    #expect(context.values == block.values)
    #expect(context.payload[0] == 4)
    #expect(context.payload.count < (try bench.encode(block, .ternary)).count * 9 / 10)
  }

  @Test func `A coder's memory does not remember the block before`() throws {
    let block = CodecCase(count: 70_000, row: 500) { row, _ in row % 5 == 0 ? 0.4 : 0.02 }
    let other = CodecCase(count: 4000, row: 10, seed: 5, scale: { Float($0 + 1) }, density: { _, _ in 0.6 })
    for codec in codecs {
      let fresh = try CodecBench().encode(block, codec)
      let bench = try CodecBench()
      for each in codecs { _ = try bench.roundTrip(other, each) }
      #expect(try bench.encode(block, codec) == fresh)
      #expect(try bench.decode(fresh, block.place, codec, base: block.base) == block.values)
    }
  }

  @Test func `Any range of a block can be expanded alone`() throws {
    let bench = try CodecBench()
    var random = SplitMix64(seed: 3)
    for row in [5, 64, 1000] {
      let block = CodecCase(
        count: 3000 / row * row, row: row, first: row * 7, scale: { Float($0 % 3 + 1) }, density: { _, _ in 0.4 })
      _ = try bench.roundTrip(block, .ternary)
      for _ in 0..<100 {
        let start = random.int(0..<block.place.count)
        let range = start..<random.int(start..<block.place.count + 1)
        #expect(bench.expanded(range, block.place) == Array(block.values[range]))
      }
    }
  }

  @Test func `Values of another form are refused`() throws {
    let bench = try CodecBench()
    for values in [[1, 2, 0], [.nan, 0, 0], [.infinity, 0, -.infinity], [1, 1, .nan]] as [[Float]] {
      var block = CodecCase(count: 3, row: 3) { _, _ in 0 }
      block.values = values
      for codec in codecs { #expect(throws: CheckpointError.self) { try bench.encode(block, codec) } }
    }
  }

  @Test func `The bytes of a block do not change`() throws {
    let bench = try CodecBench()
    var block = CodecCase(count: 12, row: 12) { _, _ in 0 }
    block.values = [0, 0.5, 0, 0, -0.5, 0, 0, 0, 0.5, 0, 0, 0]
    // Kind 2, mask 0x12 0x01, scale 0.5, signs 010.
    #expect(try bench.encode(block, .ternary) == [2, 0x12, 0x01, 0, 0, 0, 0x3F, 0b010])
    #expect(try bench.encode(block, .ternaryPlane) == [2, 0x12, 0x01, 0, 0, 0, 0x3F, 0b010])

    // Longer ones by their hash, which no machine and no build changes; a better choice of classes may.
    var long = CodecCase(count: 100_000, row: 250) { _, _ in 0 }
    var random = SplitMix64(seed: 77)
    for index in long.values.indices {
      let density = Double(index / 250 % 16 + 1) * (long.exponent(index) > 124 ? 0.005 : 0.04)
      long.values[index] = random.unit() >= density ? 0 : random.next() % 2 == 0 ? 1 : -1
    }
    let classes = Hash128(try bench.encode(long, .ternary)).description
    let context = Hash128(try bench.encode(long, .ternaryContext)).description
    #expect(classes == "f9e450e431ddf200b6de4b63ae40df85")
    #expect(context == "22eeb300d7cc1e8f8820222051893032")
  }
}
