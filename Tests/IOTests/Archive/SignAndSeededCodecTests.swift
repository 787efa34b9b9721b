import Testing
import TestSupport
import WeirTensors

@testable import WeirIO

@Suite struct SignAndSeededCodecTests {
  @Test func `Signs come back, at a bit each`() throws {
    let bench = try CodecBench()
    for (count, row) in [(1, 1), (7, 7), (64, 8), (390, 65), (4096, 4096), (70_001, 70_001)] {
      let block = CodecCase(count: count, row: row) { _, _ in 1 }
      let result = try bench.roundTrip(block, .sign)
      #expect(result.values == block.values)
      #expect(result.payload.count == 5 + (count + 7) / 8)
    }
    var block = CodecCase(count: 10, row: 10) { _, _ in 0 }
    block.values = [1, -1, 1, 1, -1, 1, 1, 1, 1, -1].map { $0 * 0.5 }
    #expect(try bench.encode(block, .sign) == [1, 0, 0, 0, 0x3F, 0b0001_0010, 0b10])
  }

  @Test func `Rows of sign form have scales of their own, and may be zero`() throws {
    let bench = try CodecBench()
    for zero in [false, true] {
      // The common scale of the other rows must not be given to the row of zeros.
      for common in [false, true] {
        let block = CodecCase(
          count: 700, row: 70, scale: { zero && $0 % 3 == 1 ? 0 : common ? 1 : Float($0 + 1) }, density: { _, _ in 1 })
        let result = try bench.roundTrip(block, .sign)
        #expect(result.values == block.values)
        #expect((0..<11).allSatisfy { bench.planes.mask[$0] == ($0 < 10 ? ~0 : ~0 >> 4) })
      }
    }
    let nothing = CodecCase(count: 100, row: 10) { _, _ in 0 }
    #expect(try bench.roundTrip(nothing, .sign).values == nothing.values)
  }

  @Test func `A zero among signs is refused`() throws {
    let bench = try CodecBench()
    for values in [[1, 1, 0, 1], [1, -1, 1, 2], [.nan, .nan, .nan, .nan]] as [[Float]] {
      var block = CodecCase(count: 4, row: 4) { _, _ in 0 }
      block.values = values
      #expect(throws: CheckpointError.self) { try bench.encode(block, .sign) }
    }
  }

  @Test func `A seeded mask is that of the generator`() throws {
    // Seed 42, name "w", model 0: the generator's key is the first number of SplitMix64 from K1 on.
    var keys = SplitMix64(seed: 0x989B_3DCB_4D12_5F67)
    let mask = SeededMask(key: keys.next(), limit: UInt64(0x1p53 * 0.375))
    var stream = SplitMix64(seed: mask.key)
    let bits = (0..<8).map { _ in stream.next() }
    #expect(bits[0] == 0x18C_C639_5A44_60B3)
    let uniform = [0.006054, 0.476837, 0.988567, 0.383825, 0.080626, 0.10431, 0.522059, 0.640638]
    #expect(zip(bits, uniform).allSatisfy { abs(Double($0 >> 11) * 0x1p-53 - $1) < 1e-6 })

    let bench = try CodecBench()
    var block = CodecCase(count: 8, row: 8) { _, _ in 0 }
    block.values = uniform.map { $0 < 0.375 ? -1 : 0 }
    #expect(try bench.roundTrip(block, .seeded, mask: mask).values == block.values)
  }

  @Test func `Seeded blocks come back from their signs alone, wherever they lie`() throws {
    let bench = try CodecBench()
    for (count, row, first) in [(1, 1, 0), (100, 10, 30), (640, 64, 64), (70_000, 600_000, 524_288)] {
      for (limit, perRow) in [(0, false), (1 << 50, true), (1 << 51, false), (1 << 53, true)] as [(UInt64, Bool)] {
        let mask = SeededMask(key: 0xFEED, limit: limit)
        var stream = SplitMix64(seed: mask.key &+ 0x9E37_79B9_7F4A_7C15 &* UInt64(first))
        let kept = (0..<count).map { _ in stream.next() >> 11 < limit }
        let block = CodecCase(
          count: count, row: row, first: first, scale: { perRow ? Float($0 + 1) : 0.25 },
          density: { kept[$0 * row + $1 - first] ? 1 : 0 })
        let result = try bench.roundTrip(block, .seeded, mask: mask)
        #expect(result.values == block.values)
        let keptCount = kept.count { $0 }
        #expect(
          result.payload.count
            <= 1 + (keptCount + 7) / 8 + 4 * (perRow ? block.place.segmentCount : 1))
      }
    }
  }

  @Test func `Values that the mask does not keep, and zeros that it keeps, are refused`() throws {
    let bench = try CodecBench()
    var block = CodecCase(count: 100, row: 100) { _, _ in 1 }
    #expect(throws: CheckpointError.self) {
      try bench.encode(block, .seeded, mask: SeededMask(key: 1, limit: 1 << 51))
    }
    block.values[50] = 0
    #expect(throws: CheckpointError.self) {
      try bench.encode(block, .seeded, mask: SeededMask(key: 1, limit: 1 << 53))
    }
  }
}
