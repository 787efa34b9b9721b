import Testing
import TestSupport
import WeirTensors

@testable import WeirIO

/// Small blocks of every kind of mask, with scales per block and per row.
private func samples() -> [(block: CodecCase, codec: ArchiveCodec)] {
  let plain = CodecCase(count: 40, row: 8) { _, _ in 0.4 }
  let classes = CodecCase(
    count: 1500, row: 150, scale: { Float($0 % 2 + 1) }, density: { row, _ in row < 5 ? 0.01 : 0.3 })
  let single = CodecCase(count: 900, row: 900) { _, _ in 0.05 }
  var context = CodecCase(count: 4000, row: 200) { _, _ in 0 }
  var random = SplitMix64(seed: 2)
  for index in 0..<4000 where random.unit() < (context.exponent(index) % 2 == 0 ? 0.5 : 0.02) {
    context.values[index] = index % 3 == 0 ? -1 : 1
  }
  let signs = CodecCase(count: 60, row: 20, scale: { Float($0 + 1) }, density: { _, _ in 1 })
  return [
    (plain, .ternary), (classes, .ternary), (single, .ternary), (context, .ternaryContext), (classes, .ternaryPlane),
    (plain, .ternaryPlane), (signs, .sign),
  ]
}

@Suite struct HostileBlockTests {
  @Test func `A payload that was cut anywhere, or has a byte more, is refused`() throws {
    let bench = try CodecBench()
    for (block, codec) in samples() {
      let payload = try bench.encode(block, codec)
      for count in 0..<payload.count {
        #expect(throws: CheckpointError.self, "\(codec): \(count) of \(payload.count) bytes") {
          try bench.decode(Array(payload[..<count]), block.place, codec, base: block.base)
        }
      }
      #expect(throws: CheckpointError.self) {
        try bench.decode(payload + [0], block.place, codec, base: block.base)
      }
      #expect(try bench.decode(payload, block.place, codec, base: block.base) == block.values)
    }
  }

  @Test func `A flipped bit never does worse than decode otherwise`() throws {
    let bench = try CodecBench()
    for (block, codec) in samples() {
      let payload = try bench.encode(block, codec)
      for bit in 0..<8 * payload.count {
        var flipped = payload
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let values = try? bench.decode(flipped, block.place, codec, base: block.base) else { continue }
        #expect(values.count == block.values.count)
        #expect(values.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test func `Random bytes are decoded or refused`() throws {
    let bench = try CodecBench()
    var random = SplitMix64(seed: 11)
    let places = [(1, 1), (130, 10), (2000, 250), (70_000, 7000)].map {
      BlockPlace(first: 0, count: $0, rowLength: $1, dtype: .bf16)
    }
    let bases = places.map { CodecCase.base(count: $0.count, dtype: .bf16, seed: 1) }
    var refused = 0
    for round in 0..<3000 {
      let which = round % places.count
      let codec = random.pick([ArchiveCodec.ternary, .ternaryPlane, .ternaryContext, .sign, .seeded])
      var payload = (0..<random.int(0..<200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Most begin as a block of some kind does, so that they get further.
      if round % 5 != 0, !payload.isEmpty { payload[0] = UInt8(random.int(0..<16)) }
      if round % 2 == 0, payload.count > 4 { payload[3] = 0 }
      do {
        _ = try bench.decode(
          payload, places[which], codec, base: bases[which], mask: SeededMask(key: 1, limit: 1 << 48))
      } catch {
        refused += 1
      }
    }
    #expect(refused > 2000)
  }

  @Test func `A scale that is negative, infinite or NaN is refused`() throws {
    let bench = try CodecBench()
    let block = CodecCase(count: 8, row: 8) { _, _ in 1 }
    var payload = try bench.encode(block, .sign)
    for scale in [-1, -0.0, .infinity, .nan, -.infinity] as [Float] {
      withUnsafeBytes(of: scale.bitPattern.littleEndian) { payload.replaceSubrange(1..<5, with: $0) }
      #expect(throws: CheckpointError.self) { try bench.decode(payload, block.place, .sign) }
    }
  }

  @Test func `A kind of mask that is another codec's is refused`() throws {
    let bench = try CodecBench()
    let block = CodecCase(count: 1000, row: 100) { _, _ in 0.1 }
    let classes = try bench.encode(block, .ternary)
    let plane = try bench.encode(block, .ternaryPlane)
    #expect(classes[0] == 3 && plane[0] == 5)
    #expect(try bench.decode(classes, block.place, .ternaryContext, base: block.base) == block.values)
    #expect(throws: CheckpointError.self) { try bench.decode(classes, block.place, .ternaryPlane) }
    #expect(throws: CheckpointError.self) { try bench.decode(plane, block.place, .ternary) }
    #expect(throws: CheckpointError.self) { try bench.decode(plane, block.place, .sign) }
    #expect(throws: CheckpointError.self) { try bench.decode(classes, block.place, .seeded) }
  }
}
