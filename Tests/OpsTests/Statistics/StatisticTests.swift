import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

@Suite struct StatisticTests {
  private static let small: [[Int]] = [
    [1], [15], [16], [17], [301], [1, 40], [40, 1], [33, 31], [3, 5, 7], [7, 1, 3],
  ]
  private static let large: [[Int]] = [[65_536], [131_073], [2, 65_540], [1031, 65]]
  private static let fewCuts = [
    Cut(tile: 1000, unitsPerClaim: 1), Cut(tile: 4096, unitsPerClaim: 2, reversesClaims: true),
    Cut(tile: 1 << 20, unitsPerClaim: 1000),
  ]

  private struct Sums {
    let total: Double
    let rows: [Double]
    let columns: [Double]

    /// The sums of some products.
    init(_ values: [Double], _ shape: [Int]) {
      total = ReferenceStatistics.sum(values)
      let row = shape.count < 2 ? values.count : shape[shape.count - 1]
      let column = shape.count < 2 ? values.count : values.count / shape[0]
      rows = ReferenceStatistics.rowSums(values, rowLength: row)
      columns = ReferenceStatistics.columnSums(values, columns: column)
    }
  }

  /// Checks sums and dots of every scope, bit for bit, for some cuts.
  private func check(_ extents: [Int], _ cuts: [Cut], double: Bool) throws {
    var random = SplitMix64(seed: UInt64(extents.count + extents[0]))
    let shape = try #require(Shape(extents))
    func tensor() -> [Double] {
      (0..<shape.elementCount).map { _ in
        let value = random.signed() * Double(1 << random.int(0..<20))
        return double ? value : Double(Float(value))
      }
    }
    let (a, b) = (tensor(), tensor())
    let sums = Sums(a, extents)
    let dots = Sums(zip(a, b).map { $0 * $1 }, extents)
    let row = max(1, shape.rowLength)
    let column = extents.count < 2 ? shape.elementCount : shape.elementCount / extents[0]
    for cut in cuts {
      for (scope, sum, dot) in [
        (Scope.tensor, [sums.total], [dots.total]), (.row, sums.rows, dots.rows), (.column, sums.columns, dots.columns),
      ] {
        let graph = ExpressionGraph()
        let (x, y) = (graph.input(0), graph.input(1))
        let isSum = try bits(x * 0 + total(x, over: scope), [a, b], shape, cut, double)
        let isDot = try bits(x * 0 + WeirOps.dot(x, y, over: scope), [a, b], shape, cut, double)
        func expected(_ values: [Double]) -> [UInt64] {
          (0..<shape.elementCount).map { place in
            let value = scope == .tensor ? values[0] : values[scope == .row ? place / row : place % column]
            return (double ? 0 + value : Double(0 + Float(value))).bitPattern
          }
        }
        #expect(isSum == expected(sum), "sum over \(scope) of \(extents), \(cut)")
        #expect(isDot == expected(dot), "dot over \(scope) of \(extents), \(cut)")
      }
    }
  }

  private func bits(
    _ root: Value, _ operands: [[Double]], _ shape: Shape, _ cut: Cut, _ double: Bool
  ) throws -> [UInt64] {
    try evaluate(root, operands, shape: shape, cut: cut, double: double).map { (0 + $0).bitPattern }
  }

  @Test(arguments: small, [true, false])
  func `Sums of small tensors have the bits of their definition`(shape: [Int], double: Bool) throws {
    try check(shape, Cut.all, double: double)
  }

  @Test(arguments: large)
  func `Sums over several chunks have the bits of their definition`(shape: [Int]) throws {
    try check(shape, Self.fewCuts, double: false)
  }

  @Test func `Statistics of an empty tensor are zero`() throws {
    let shape = try #require(Shape([0, 4]))
    let graph = ExpressionGraph()
    let x = graph.input(0)
    let value = x * total(x) + norm(x, over: .row) * total(x, over: .column)
    #expect(try evaluate(value, [[]], shape: shape) == [])
  }

  @Test func `A statistic of statistics waits for them`() throws {
    let values = [3.0, -1, 2, 8, -4, 4]
    let shape = try #require(Shape([2, 3]))
    let graph = ExpressionGraph()
    let x = graph.input(0)
    let mean = total(x) / 6
    let spread = dot(x - mean, x - mean)
    let rows = total((x - mean) / squareRoot(spread), over: .row)
    let found = try evaluate(x * 0 + rows * rows, [values], shape: shape)
    let center = values.reduce(0, +) / 6
    let scale = values.reduce(0) { $0 + ($1 - center) * ($1 - center) }.squareRoot()
    let expected = [values[..<3], values[3...]].map { row in row.reduce(0) { $0 + ($1 - center) / scale } }
    for (place, found) in found.enumerated() {
      #expect(abs(found - expected[place / 3] * expected[place / 3]) < 1e-12)
    }
    let frame = TensorFrame(shape: shape, dtypes: [.f64], checksFinite: true)
    #expect(Computation(applying: rows, over: frame).sweepCount == 3)
  }
}
