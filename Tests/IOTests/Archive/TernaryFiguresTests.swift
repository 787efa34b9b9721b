import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

/// What the coder of density classes promises, in bits per element with everything that the blocks hold.
@Suite struct TernaryFiguresTests {
  private func bits(_ block: CodecCase, _ codec: ArchiveCodec) throws -> Double {
    let result = try CodecBench().roundTrip(block, codec)
    #expect(result.values == block.values)
    return Double(8 * result.payload.count) / Double(block.values.count)
  }

  @Test(arguments: [0.05, 0.1, 0.2, 0.3, 0.5])
  func `Elements that are kept independently take at most 0.35 percent more than their entropy`(density: Double) throws
  {
    let block = CodecCase(count: 1 << 19, row: 2048, seed: 4) { _, _ in density }
    let share = Double(block.values.count { $0 != 0 }) / Double(block.values.count)
    let entropy = share * (1 - log2(share)) - (1 - share) * log2(1 - share)
    #expect(try bits(block, .ternary) <= entropy * 1.0035)
  }

  @Test func `Rows of lognormal scales take a fifth of a bit at one threshold that keeps a twentieth`() throws {
    var random = SplitMix64(seed: 8)
    func normal() -> Double { (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit()) }
    let (rows, columns) = (256, 2048)
    var deltas: [Float] = []
    for _ in 0..<rows {
      let scale = exp(normal())
      for _ in 0..<columns { deltas.append(Float(scale * normal())) }
    }
    let threshold = deltas.map(\.magnitude).sorted()[deltas.count * 95 / 100]
    var block = CodecCase(count: rows * columns, row: columns) { _, _ in 0 }
    block.values = deltas.map { $0.magnitude < threshold ? 0 : $0 < 0 ? -1 : 1 }
    #expect(try bits(block, .ternary) <= 0.2)
  }

  @Test func `The base's exponents save what a step near the threshold tells`() throws {
    // A delta of normal size, rounded with the base to bf16 as a tuned checkpoint is.
    var random = SplitMix64(seed: 21)
    func normal() -> Double { (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit()) }
    func rounded(_ value: Double) -> UInt16 {
      let bits = Float(value).bitPattern
      return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }
    func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
    var block = CodecCase(count: 1 << 18, row: 512) { _, _ in 0 }
    block.base = []
    for index in block.values.indices {
      let base = rounded(0.05 * normal())
      let delta = value(rounded(Double(value(base)) + 0.0003 * normal())) - value(base)
      withUnsafeBytes(of: base.littleEndian) { block.base += $0 }
      block.values[index] = delta.magnitude <= 0x1p-11 ? 0 : delta < 0 ? -1 : 1
    }
    let (context, classes) = (try bits(block, .ternaryContext), try bits(block, .ternary))
    #expect(context < 0.975 * classes)
  }
}
