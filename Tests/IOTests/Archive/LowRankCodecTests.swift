import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct LowRankCodecTests {
  private struct Factors {
    let rows: Int, columns: Int, rank: Int
    var left: [Float], right: [Float]
    var place: BlockPlace { BlockPlace(first: 0, count: rows * columns, rowLength: columns, dtype: .bf16) }

    init(_ rows: Int, _ columns: Int, _ rank: Int, seed: UInt64 = 1) {
      var random = SplitMix64(seed: seed)
      (self.rows, self.columns, self.rank) = (rows, columns, rank)
      left = (0..<rows * rank).map { _ in Float(random.signed()) }
      right = (0..<rank * columns).map { _ in Float(random.signed() * 0.01) }
    }

    /// The product in the order that the format fixes.
    func product(_ left: [Float], _ right: [Float]) -> [UInt32] {
      (0..<rows * columns).map { index in
        var sum: Float = 0
        for k in 0..<rank {
          let product = left[index / columns * rank + k] * right[k * columns + index % columns]
          sum += product
        }
        return sum.bitPattern
      }
    }
  }

  private func decode(_ rows: [UInt8], _ right: [UInt8], _ place: BlockPlace, rank: Int) throws -> [UInt32] {
    try right.withExactBytes { right in
      let factor = try LowRankCodec.decodeRight(right, rank: rank, columns: place.rowLength)
      return try rows.withExactBytes { rows in
        try values(place.count) { try LowRankCodec.decodeRows(rows, place, rank: rank, right: factor, into: $0) }
      }
    }
  }

  private func rounded(_ value: Float) -> Float {
    let bits = value.bitPattern
    return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  @Test(arguments: [(1, 1, 1), (7, 5, 3), (13, 33, 8), (40, 64, 17), (9, 100, 300)])
  func `Factors of sixteen bits give the product in its fixed order`(_ rows: Int, _ columns: Int, _ rank: Int) throws {
    let factors = Factors(rows, columns, rank)
    let found = try decode(
      LowRankCodec.encodeRows(factors.left, factors.place, rank: rank, isInt8: false),
      LowRankCodec.encodeRight(factors.right, rank: rank, columns: columns, isInt8: false), factors.place, rank: rank)
    #expect(found == factors.product(factors.left.map(rounded), factors.right.map(rounded)))
  }

  @Test func `Factors of eight bits have a scale for every rank`() throws {
    var factors = Factors(13, 33, 3)
    for column in 0..<33 { factors.right[33 + column] = 0 }
    // The second rank has nothing; the third is a hundred times the first.
    for row in 0..<13 { factors.left[row * 3 + 2] *= 100 }
    func quantised(_ values: [Float], _ rankOf: (Int) -> Int) -> [Float] {
      let scales = (0..<3).map { rank in
        (values.indices.filter { rankOf($0) == rank }.map { values[$0].magnitude }.max() ?? 0) / 127
      }
      return values.indices.map { index in
        let scale = scales[rankOf(index)]
        return scale == 0 ? 0 : scale * (values[index] / scale).rounded(.toNearestOrEven)
      }
    }
    let rows = try LowRankCodec.encodeRows(factors.left, factors.place, rank: 3, isInt8: true)
    let right = try LowRankCodec.encodeRight(factors.right, rank: 3, columns: 33, isInt8: true)
    #expect(rows.count == 1 + 12 + 39)
    #expect(right.count == 1 + 12 + 99)
    let expected = factors.product(quantised(factors.left) { $0 % 3 }, quantised(factors.right) { $0 / 33 })
    #expect(try decode(rows, right, factors.place, rank: 3) == expected)
  }

  @Test func `A factor of more numbers than a block has elements is in pieces`() throws {
    let right = (0..<300 * 2000).map { Float($0 % 250) }
    let payload = try LowRankCodec.encodeRight(right, rank: 300, columns: 2000, isInt8: false)
    #expect(try payload.withExactBytes { try LowRankCodec.decodeRight($0, rank: 300, columns: 2000) } == right)
  }

  @Test func `Numbers that are not finite, and parts of rows, are refused`() throws {
    for wrong in [Float.nan, .infinity, -.infinity] {
      for isInt8 in [true, false] {
        #expect(throws: CheckpointError.self) {
          try LowRankCodec.encodeRight([1, wrong], rank: 1, columns: 2, isInt8: isInt8)
        }
      }
    }
    #expect(throws: CheckpointError.self) {
      // Rounding makes an infinity of it.
      try LowRankCodec.encodeRight([.greatestFiniteMagnitude], rank: 1, columns: 1, isInt8: false)
    }
    let part = BlockPlace(first: 1 << 19, count: 1 << 19, rowLength: 3 << 19, dtype: .bf16)
    #expect(throws: CheckpointError.self) { try LowRankCodec.encodeRows([1], part, rank: 1, isInt8: true) }
  }

  @Test(arguments: [true, false]) func `Factors that were cut, flipped or made up are refused`(_ isInt8: Bool) throws {
    let factors = Factors(5, 9, 4)
    let right = try LowRankCodec.encodeRight(factors.right, rank: 4, columns: 9, isInt8: isInt8)
    for count in 0..<right.count {
      #expect(throws: CheckpointError.self) {
        try Array(right[..<count]).withExactBytes { try LowRankCodec.decodeRight($0, rank: 4, columns: 9) }
      }
    }
    #expect(throws: CheckpointError.self) {
      try (right + [0]).withExactBytes { try LowRankCodec.decodeRight($0, rank: 4, columns: 9) }
    }
    for bit in 0..<8 * right.count {
      var flipped = right
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      let found = flipped.withExactBytes { try? LowRankCodec.decodeRight($0, rank: 4, columns: 9) }
      if let found { #expect(found.count == 36) }
    }
    if isInt8 {
      var wrong = right
      wrong[1...4] = [0, 0, 0x80, 0x7F]
      #expect(throws: CheckpointError.self) {
        try wrong.withExactBytes { try LowRankCodec.decodeRight($0, rank: 4, columns: 9) }
      }
      wrong = right
      wrong[17] = 0x80
      #expect(throws: CheckpointError.self) {
        try wrong.withExactBytes { try LowRankCodec.decodeRight($0, rank: 4, columns: 9) }
      }
    }
  }
}
