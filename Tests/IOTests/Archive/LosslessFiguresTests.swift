import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

/// What the coder of exact differences promises, in bits per element with everything that the block holds.
@Suite struct LosslessFiguresTests {
  /// Bits that the difference of two rounded normal numbers has, given the base: by counts of differences of a long draw,
  /// for each of the base's exponents.
  private func entropy(scale: Double, count: Int, seed: UInt64) -> Double {
    let block = ElementCase(count: count, row: count, dtype: .bf16, seed: seed) { _ in scale }
    var counts: [Int: [Int: Int]] = [:]
    for index in 0..<count {
      func magnitude(_ bytes: [UInt8]) -> Int { Int(bytes[2 * index]) | Int(bytes[2 * index + 1] & 0x7F) << 8 }
      let (tuned, base) = (magnitude(block.tuned), magnitude(block.base ?? []))
      let flips = (block.tuned[2 * index + 1] ^ (block.base?[2 * index + 1] ?? 0)) & 0x80 != 0
      counts[base >> 7, default: [:]][flips ? 1 << 20 + tuned : tuned - base, default: 0] += 1
    }
    var bits = 0.0
    for differences in counts.values {
      let total = Double(differences.values.reduce(0, +))
      for count in differences.values { bits += Double(count) * log2(total / Double(count)) }
    }
    return bits / Double(count)
  }

  @Test(arguments: [0.000_02, 0.000_1, 0.000_4])
  func `A normal delta takes its entropy, a hundredth and the tables`(scale: Double) throws {
    let block = ElementCase(count: 1 << 17, row: 1024, dtype: .bf16, seed: 9) { _ in scale }
    let bits = try #require(try block.checkedBits())
    let tables = 8.0 * 700 / Double(block.place.count)
    #expect(bits <= 1.01 * entropy(scale: scale, count: 1 << 17, seed: 10) + tables)
  }

  @Test func `Rows of many scales cost little more than each by itself`() throws {
    let scales = (0..<256).map { 0.0002 * exp2(Double($0 * 37 % 64) / 16 - 2) }
    let mixed = ElementCase(count: 256 * 1024, row: 1024, dtype: .bf16) { scales[$0] }
    let each = try (0..<8).map { part in
      let block = ElementCase(count: 32 * 1024, row: 1024, dtype: .bf16) { _ in scales[part * 32 + 5] }
      return try #require(try block.checkedBits())
    }
    let whole = try #require(try mixed.checkedBits())
    #expect(whole < scales.indices.reduce(0) { $0 + log2(scales[$1] / 0.0002) } / 256 + 4)
    #expect(whole <= 1.1 * each.reduce(0, +) / 8 + 0.5)
  }

  @Test func `Rows that do not change cost nothing`() throws {
    let some = ElementCase(count: 1 << 18, row: 1024, dtype: .bf16) { $0 % 8 == 0 ? 0.0003 : 0 }
    let all = ElementCase(count: 1 << 15, row: 1024, dtype: .bf16) { _ in 0.0003 }
    #expect(try some.payload.count < all.payload.count + 200)
  }

  @Test func `Other floats, and floats without a base`() throws {
    // The entropy of a normal delta is 2.05 + log₂(σ / unit) bits where σ is more than a unit: 6.8 here, and 19.8.
    let half = ElementCase(count: 1 << 17, row: 1024, dtype: .f16) { _ in 0.0004 }
    #expect(try #require(try half.checkedBits()) < 6.95)
    let single = ElementCase(count: 1 << 17, row: 1024, dtype: .f32) { _ in 0.0004 }
    #expect(try #require(try single.checkedBits()) < 20.05)
    let alone = ElementCase(count: 1 << 17, row: 1024, dtype: .bf16, hasBase: false) { _ in 0 }
    #expect(try #require(try alone.checkedBits()) < 10.7)
  }
}
