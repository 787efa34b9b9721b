import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct ValueCodecTests {
  private let place = BlockPlace(first: 1000, count: 3000, rowLength: 100, dtype: .bf16)

  /// BF16 values, most of them 0.
  private func sparse(_ density: Double, seed: UInt64 = 1) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<place.count).map { _ in
      let value = Float(bitPattern: Float(random.signed() * 0.01).bitPattern & 0xFFFF_0000)
      return random.unit() < density ? value : 0
    }
  }

  // MARK: - Sparse

  @Test(arguments: [0, 0.0005, 0.03, 0.5, 1]) func `Sparse values come back`(_ density: Double) throws {
    let given = sparse(density)
    let payload = try given.withUnsafeBufferPointer { try SparseCodec.encode($0, place) }
    let found = try payload.withExactBytes { bytes in
      try values(place.count) { try SparseCodec.decode(bytes, place, into: $0) }
    }
    #expect(found == given.map { $0 == 0 ? 0 : $0.bitPattern })
    #expect(throws: CheckpointError.self) {
      try payload.withExactBytes { bytes in _ = try decodeExact(bytes, base: nil) }
    }
  }

  @Test func `Values of more bits than BF16 has are refused`() throws {
    var given = sparse(0.1)
    given[7] = 1 + .ulpOfOne
    #expect(throws: CheckpointError.self) { try given.withUnsafeBufferPointer { try SparseCodec.encode($0, place) } }
  }

  private func decodeExact(_ payload: UnsafeRawBufferPointer, base: [UInt8]?, _ place: BlockPlace? = nil) throws
    -> [UInt8]
  {
    let place = place ?? self.place
    var result = [UInt8](repeating: 0x5A, count: place.bytes.count)
    try result.withUnsafeMutableBytes { result in
      guard let base else { return try SparseCodec.decodeExact(payload, place, base: nil, into: result) }
      try base.withUnsafeBytes { try SparseCodec.decodeExact(payload, place, base: $0, into: result) }
    }
    return result
  }

  private func encodeExact(_ block: ElementCase) throws -> [UInt8] {
    try block.tuned.withUnsafeBytes { tuned in
      guard let base = block.base else { return try SparseCodec.encode(exact: tuned, base: nil, block.place) }
      return try base.withUnsafeBytes { try SparseCodec.encode(exact: tuned, base: $0, block.place) }
    }
  }

  @Test(arguments: LosslessCodecTests.dtypes, [true, false])
  func `Elements that differ from the base's come back, and all others`(_ dtype: DType, _ hasBase: Bool) throws {
    var random = SplitMix64(seed: 2)
    for share in [0, 3, 100, 1000] as [UInt64] {
      let block = ElementCase(count: 5000, row: 50, dtype: dtype, hasBase: hasBase) { _ in
        let base = hasBase ? ElementCase.bits(random.signed(), dtype) : 0
        return (random.next() % 1000 < share ? UInt32(truncatingIfNeeded: random.next()) : base, base)
      }
      let payload = try encodeExact(block)
      #expect(try payload.withExactBytes { try decodeExact($0, base: block.base, block.place) } == block.tuned)
    }
  }

  @Test func `A twentieth that moves by a unit takes less than half a bit`() throws {
    var random = SplitMix64(seed: 6)
    let block = ElementCase(count: 1 << 18, row: 512, dtype: .bf16) { _ in
      let base = ElementCase.bits(random.signed() * 0.1, .bf16)
      return (random.next() % 20 == 0 ? base + 1 : base, base)
    }
    let payload = try encodeExact(block)
    #expect(Double(8 * payload.count) / Double(1 << 18) < 0.36)
  }

  @Test func `Sparse blocks that were cut, flipped or made up are refused or decode otherwise`() throws {
    var random = SplitMix64(seed: 4)
    let given = sparse(0.05)
    let payload = try given.withUnsafeBufferPointer { try SparseCodec.encode($0, place) }
    func decode(_ payload: [UInt8]) throws {
      try payload.withExactBytes { bytes in
        _ = try values(place.count) { try SparseCodec.decode(bytes, place, into: $0) }
      }
    }
    for count in 0..<payload.count {
      #expect(throws: CheckpointError.self) { try decode(Array(payload[..<count])) }
    }
    #expect(throws: CheckpointError.self) { try decode(payload + [0]) }
    var perRow = payload
    perRow[9] |= 8
    #expect(throws: CheckpointError.self) { try decode(perRow) }
    for bit in 0..<8 * payload.count {
      var flipped = payload
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      try? decode(flipped)
    }
    for _ in 0..<500 {
      try? decode([0] + (0..<random.int(0..<100)).map { _ in UInt8(random.int(0..<40)) })
    }
  }

  // MARK: - Dare

  @Test(arguments: [0, 0.001, 0.1, 1]) func `Dropped and kept values come back`(_ density: Double) throws {
    let mask = SeededMask(key: 77, limit: UInt64(density * 0x1p53))
    var given = sparse(1)
    let probe = BlockPlace(first: place.first, count: place.count, rowLength: 1 << 19, dtype: .bf16)
    // What the mask keeps is told by a block of zeros that it takes.
    let zeros = [Float](repeating: 0, count: place.count)
    #expect(try zeros.withUnsafeBufferPointer { try DareCodec.encode($0, probe, mask: mask) }.isEmpty == false)
    if density < 1 {
      #expect(throws: CheckpointError.self) {
        try given.withUnsafeBufferPointer { try DareCodec.encode($0, place, mask: mask) }
      }
    }
    let kept = maskBits(mask)
    for index in given.indices where !kept[index] { given[index] = 0 }
    let payload = try given.withUnsafeBufferPointer { try DareCodec.encode($0, place, mask: mask) }
    let found = try payload.withExactBytes { bytes in
      try values(place.count) { try DareCodec.decode(bytes, place, mask: mask, into: $0) }
    }
    #expect(found == given.map(\.bitPattern))
    for count in 0..<payload.count {
      #expect(throws: CheckpointError.self) {
        try Array(payload[..<count]).withExactBytes { bytes in
          _ = try values(place.count) { try DareCodec.decode(bytes, place, mask: mask, into: $0) }
        }
      }
    }
  }

  /// The generator of elementwise.md §1.13, once more.
  private func maskBits(_ mask: SeededMask) -> [Bool] {
    (0..<place.count).map { index in
      var bits = mask.key &+ 0x9E37_79B9_7F4A_7C15 &* UInt64(place.first + index + 1)
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return (bits ^ (bits >> 31)) >> 11 < mask.limit
    }
  }

  // MARK: - Dense

  @Test(arguments: [DType.f32, .bf16]) func `Plain values are their bytes`(_ dtype: DType) throws {
    var given = sparse(0.5)
    given[0] = .nan
    given[1] = -.infinity
    given[2] = -0.0
    let payload = try given.withUnsafeBufferPointer { try DenseCodec.encode($0, place, as: dtype) }
    #expect(payload.count == place.count * dtype.byteCount)
    #expect(Array(payload[dtype.byteCount..<2 * dtype.byteCount].suffix(2)) == [0x80, 0xFF])
    let found = try payload.withExactBytes { bytes in
      try values(place.count) { try DenseCodec.decode(bytes, place, as: dtype, into: $0) }
    }
    #expect(found == given.map(\.bitPattern))
    for wrong in [payload.dropLast(), payload + [0], []] {
      #expect(throws: CheckpointError.self) {
        try Array(wrong).withExactBytes { bytes in
          _ = try values(place.count) { try DenseCodec.decode(bytes, place, as: dtype, into: $0) }
        }
      }
    }
    given[5] = 0.1
    guard dtype == .bf16 else { return }
    #expect(throws: CheckpointError.self) {
      try given.withUnsafeBufferPointer { try DenseCodec.encode($0, place, as: dtype) }
    }
  }

  // MARK: - Stored

  private func stored(_ bytes: [UInt8], _ place: BlockPlace) throws -> [UInt8] {
    try bytes.withUnsafeBytes { try StoredCodec.encode($0, place) }
  }

  private func restored(_ payload: [UInt8], _ place: BlockPlace) throws -> [UInt8] {
    var result = [UInt8](repeating: 0x5A, count: place.bytes.count)
    try payload.withExactBytes { bytes in
      try result.withUnsafeMutableBytes { try StoredCodec.decode(bytes, place, into: $0) }
    }
    return result
  }

  @Test(arguments: DType.allCases) func `Stored bytes of every type come back`(_ dtype: DType) throws {
    var random = SplitMix64(seed: 8)
    for count in [1, 3, 4000] {
      let place = BlockPlace(first: 0, count: count, rowLength: count, dtype: dtype)
      let noise = (0..<place.bytes.count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // The last bytes of elements alike, the others not; all alike; nothing alike.
      let likeFloats = noise.enumerated().map { $0.offset % dtype.byteCount == dtype.byteCount - 1 ? 0x3C : $0.element }
      for (bytes, forms) in [(likeFloats, [0, 1, 2]), (noise.map { _ in 7 }, [0, 1]), (noise, [0])]
        as [([UInt8], [UInt8])]
      {
        let payload = try stored(bytes, place)
        #expect(payload.count <= bytes.count + 1)
        #expect(forms.contains(payload[0]))
        if count == 4000, bytes != noise { #expect(payload[0] != 0) }
        #expect(try restored(payload, place) == bytes)
        for cut in [0, 1, payload.count / 2, payload.count - 1] where cut < payload.count {
          #expect(throws: CheckpointError.self) { try restored(Array(payload[..<cut]), place) }
        }
        #expect(throws: CheckpointError.self) { try restored(payload + [0], place) }
      }
    }
  }

  @Test func `Frames that expand to more or less than the block are refused`() throws {
    let place = BlockPlace(first: 0, count: 4000, rowLength: 4000, dtype: .i16)
    for count in [3999, 4001, 100_000] {
      let other = BlockPlace(first: 0, count: count, rowLength: count, dtype: .i16)
      let payload = try stored([UInt8](repeating: 1, count: 2 * count), other)
      #expect(throws: CheckpointError.self) { try restored(payload, place) }
      #expect(throws: CheckpointError.self) { try restored([2] + payload.dropFirst(), place) }
    }
    #expect(throws: CheckpointError.self) { try restored([3] + [UInt8](repeating: 0, count: 8000), place) }
    // Two frames of half the bytes each.
    let half = BlockPlace(first: 0, count: 2000, rowLength: 2000, dtype: .i16)
    let payload = try stored([UInt8](repeating: 1, count: 4000), half)
    #expect(throws: CheckpointError.self) { try restored(payload + payload.dropFirst(), place) }
  }
}
