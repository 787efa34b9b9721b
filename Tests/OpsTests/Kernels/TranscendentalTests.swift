import TestSupport
import Testing

@testable import WeirOps

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct TranscendentalTests {
  private static let special: [Double] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e-42, 1e38, -1e38, 3, 1e300, .leastNonzeroMagnitude, 0x1p-1030,
    -0x1p-1030, 709.7, 710, -745, -746, 20, -20, 0.346, 0.347, 1.4142135, 0.7071067, 1e-12, -1e-12,
  ]

  /// The operations, what they are, and how many units in the last place of a Double they may be off.
  private static let functions: [(operation: Operation.Unary, plain: @Sendable (Double) -> Double, bound: Double)] = [
    (.exponential, { exp($0) }, 1.5), (.logarithm, { log($0) }, 1.5), (.hyperbolicTangent, { tanh($0) }, 3.5),
  ]

  private func check<Element: KernelElement>(_: Element.Type) {
    var random = SplitMix64(seed: 15)
    for (operation, plain, bound) in Self.functions {
      let scales = [1e-3, 1, 30, 700]
      let numbers =
        Self.special.map { Element($0) } + (0..<5000).map { Element(random.signed() * scales[$0 % 4]) }
      var (tile, source) = (numbers, numbers)
      Element.unary(operation.rawValue, &tile, &source, tile.count)
      for (found, x) in zip(tile, numbers) {
        let expected = Element(plain(Double(x)))
        if found == expected || (found.isNaN && expected.isNaN) { continue }
        // A Float is rounded from a Double, and so off by one unit at the most.
        let distance = Double(abs(found - expected) / expected.ulp)
        #expect(distance <= (Element.self is Float.Type ? 1 : bound), "\(operation) of \(x)")
      }
    }
  }

  @Test func `Exponentials, logarithms and tangents are right to a few units in the last place`() {
    check(Float.self)
    check(Double.self)
  }

  @Test func `A statistic's exponential is an element's`() {
    for (operation, _, _) in Self.functions {
      var (tile, source) = ([0.0], [0.7])
      Double.unary(operation.rawValue, &tile, &source, 1)
      #expect(tile[0].bitPattern == operation.apply(0.7).bitPattern)
    }
  }
}
