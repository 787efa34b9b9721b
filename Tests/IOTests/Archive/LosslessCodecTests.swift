import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct LosslessCodecTests {
  static let dtypes: [DType] = [.bf16, .f16, .f32]

  /// Ways in which a tuned element's bits come from random ones and the base's.
  enum Pattern: CaseIterable {
    case random, sameMagnitude, oneUp, oneDown, fewUnits, oneBit, zeros, special, rare

    func callAsFunction(_ base: UInt32, _ random: inout SplitMix64, _ dtype: DType) -> UInt32 {
      let sign: UInt32 = dtype == .f32 ? 1 << 31 : 1 << 15
      let infinity: UInt32 = dtype == .f32 ? 0x7F80_0000 : dtype == .f16 ? 0x7C00 : 0x7F80
      switch self {
      case .random: return UInt32(truncatingIfNeeded: random.next())
      case .sameMagnitude: return base ^ sign
      case .oneUp: return base &+ 1
      case .oneDown: return base &- 1
      case .fewUnits: return base &+ UInt32(truncatingIfNeeded: random.int(-40..<41))
      case .oneBit: return base ^ 1 << UInt32(random.int(0..<8 * dtype.byteCount))
      case .zeros: return random.pick([0, sign])
      case .special:
        return random.pick([infinity, infinity | sign, infinity | 1, sign | (sign - 1), sign - 1, 1, sign | 1])
      case .rare: return random.next() % 500 == 0 ? UInt32(truncatingIfNeeded: random.next()) : base
      }
    }
  }

  @Test(arguments: dtypes, Pattern.allCases)
  func `All bit patterns come back`(_ dtype: DType, _ pattern: Pattern) throws {
    var random = SplitMix64(seed: 5)
    let shapes = [(1, 1), (2, 1), (63, 7), (130, 64), (1000, 1000), (4097, 3), (17_000, 400)]
    for (count, row) in shapes {
      for hasBase in [true, false] {
        let block = ElementCase(count: count, row: row, dtype: dtype, hasBase: hasBase) { _ in
          // Half of the bases are like weights, the others anything.
          let base =
            random.next() % 2 == 0
            ? ElementCase.bits(random.signed() * 0.1, dtype) : UInt32(truncatingIfNeeded: random.next())
          return (pattern(base, &random, dtype), base)
        }
        let payload = try block.payload
        #expect(payload.count <= block.tuned.count + 1)
        for level in 0...3 as ClosedRange<UInt32> {
          #expect(try block.decode(payload, level: level) == block.tuned, "\(count) by \(row), level \(level)")
        }
      }
    }
  }

  @Test(arguments: dtypes) func `All elements of sixteen bits, against few bases and none`(_ dtype: DType) throws {
    for base in [0, 0x3C00, 0xBF80, 0x7F80, 0xFFFF] as [UInt32] {
      let block = ElementCase(count: 1 << 16, row: 256, dtype: dtype, hasBase: base != 0) {
        (UInt32($0) << (dtype == .f32 ? 16 : 0), base << (dtype == .f32 ? 16 : 0))
      }
      #expect(try block.checkedBits() != nil)
    }
  }

  @Test(arguments: dtypes) func `A block that does not change is a byte, and one element takes a few`(
    _ dtype: DType
  ) throws {
    var block = ElementCase(count: 50_000, row: 500, dtype: dtype) { _ in (0x3C21, 0x3C21) }
    #expect(try block.payload == [0])
    #expect(try block.decode([0]) == block.tuned)
    block.tuned[31_002] ^= 1
    let payload = try block.payload
    #expect(payload.count < 80)
    #expect(try block.decode(payload) == block.tuned)
  }

  @Test func `Floats that were widened cost what they did before`() throws {
    let narrow = ElementCase(count: 1 << 16, row: 256, dtype: .bf16) { _ in 0.0004 }
    func widened(_ bytes: [UInt8]) -> [UInt8] {
      stride(from: 0, to: bytes.count, by: 2).flatMap { [0, 0, bytes[$0], bytes[$0 + 1]] }
    }
    var wide = ElementCase(count: 1 << 16, row: 256, dtype: .f32) { _ in (0, 0) }
    wide.tuned = widened(narrow.tuned)
    wide.base = narrow.base.map(widened)
    let (short, long) = (try narrow.payload.count, try wide.payload.count)
    #expect(Double(long) < 1.01 * Double(short))
    #expect(try wide.decode(wide.payload) == wide.tuned)
  }

  @Test func `A block of a row's part is like any other`() throws {
    let block = ElementCase(count: 1 << 19, row: 3 << 19, dtype: .bf16, first: 1 << 19) { index in
      (UInt32(0x3C00 + index % 3), 0x3C00)
    }
    #expect(try #require(try block.checkedBits()) < 1.7)
  }

  // MARK: - Other bases, other bytes

  /// Small blocks of both kinds of stream.
  private func samples() -> [ElementCase] {
    [
      ElementCase(count: 300, row: 100, dtype: .bf16) { [0.001, 0, 0.00003][$0] },
      ElementCase(count: 70, row: 70, dtype: .f32) { _ in 0.001 },
      ElementCase(count: 200, row: 200, dtype: .f16, hasBase: false) { _ in 0.01 },
      ElementCase(count: 130, row: 10, dtype: .bf16) { (UInt32($0 % 7 == 0 ? $0 &* 40503 : 0x3C00), 0x3C00) },
      ElementCase(count: 10, row: 10, dtype: .f16) { (UInt32($0 &* 40503), 0) },
    ]
  }

  @Test func `A difference that leads out of the numbers is refused`() throws {
    for dtype in Self.dtypes {
      let most: UInt32 = dtype == .f32 ? 0x7FFF_FFFF : 0x7FFF
      let usual: UInt32 = dtype == .f32 ? 0x3F80_0000 : dtype == .f16 ? 0x3C00 : 0x3F80
      for step in [1, 31, 3000] as [UInt32] {
        // Up from a base that has no room above, by direct tokens and by long ones.
        let block = ElementCase(count: 2000, row: 2000, dtype: dtype) { _ in (usual + step, usual) }
        let base = ElementCase(count: 2000, row: 2000, dtype: dtype) { _ in (most, most) }.tuned
        #expect(throws: CheckpointError.self) { try block.decode(block.payload, base: base) }
      }
    }
  }

  @Test func `A payload that was cut anywhere, or has a byte more, is refused`() throws {
    for block in samples() {
      let payload = try block.payload
      for count in 0..<payload.count {
        #expect(throws: CheckpointError.self, "\(count) of \(payload.count) bytes") {
          try block.decode(Array(payload[..<count]))
        }
      }
      #expect(throws: CheckpointError.self) { try block.decode(payload + [0]) }
    }
  }

  @Test func `A flipped bit never does worse than decode otherwise`() throws {
    for block in samples() {
      let payload = try block.payload
      for bit in 0..<8 * payload.count {
        var flipped = payload
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        _ = try? block.decode(flipped, level: UInt32(bit % 4))
      }
    }
  }

  @Test func `Random bytes are decoded or refused`() throws {
    var random = SplitMix64(seed: 3)
    let blocks =
      samples() + Self.dtypes.map { ElementCase(count: 30_000, row: 300, dtype: $0) { _ in (0x3C00, 0x3C00) } }
    var refused = 0
    for round in 0..<4000 {
      var payload = (0..<random.int(0..<400)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Most begin as coded blocks do, some with few words and short segments, so that they get further.
      if round % 8 != 0, payload.count > 10 {
        payload[0] = 2
        payload[1] = UInt8(random.int(0..<6))
        payload[2...9] = [
          UInt8(random.int(64..<256)), UInt8(random.int(0..<2)), 0, 0, UInt8(random.int(0..<60)), 0, 0, 0,
        ]
      }
      let block = random.pick(blocks)
      if (try? block.decode(payload, level: UInt32(round % 4))) == nil { refused += 1 }
    }
    #expect(refused > 3500)
  }

  @Test func `A base of another size, and types that have no units, are refused`() throws {
    let block = ElementCase(count: 10, row: 10, dtype: .bf16) { (UInt32($0), 0) }
    #expect(throws: CheckpointError.self) { try block.decode(block.payload, base: [0, 0]) }
    var other = block
    other.place = BlockPlace(first: 0, count: 10, rowLength: 10, dtype: .i16)
    #expect(throws: CheckpointError.self) { try other.decode([0]) }
  }
}
