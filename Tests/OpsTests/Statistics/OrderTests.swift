import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// Statistics that a whole tensor's order decides, through the engine.
@Suite struct OrderTests {
  private static let cuts = [
    Cut(tile: 1000, unitsPerClaim: 1), Cut(tile: 1 << 20, unitsPerClaim: 2, reversesClaims: true),
  ]

  /// A merge of one tensor, for the functions that methods call.
  private func merge(_ shape: Shape, modelCount: Int? = nil) -> Merge {
    Merge(
      node: "node", tensor: TensorInfo(name: "w", dtype: .f32, shape: shape), base: nil, models: [],
      modelElementCount: modelCount ?? shape.elementCount)
  }

  private func check(_ values: [Double], _ root: (Value, Merge) -> Value, _ expected: Double, double: Bool) throws {
    let shape = try #require(Shape([values.count]))
    for cut in Self.cuts {
      let graph = ExpressionGraph()
      let value = graph.input(0) * 0 + root(graph.input(0), merge(shape))
      let found = try evaluate(value, [values], shape: shape, cut: cut, double: double)
      #expect(found.allSatisfy { $0 == expected }, "\(cut)")
    }
  }

  @Test(arguments: [1, 2, 17, 300, 140_001], [true, false])
  func `The number at a place of the ascending order is found, whatever its sign`(count: Int, double: Bool) throws {
    var random = SplitMix64(seed: 41)
    let values = (0..<count).map { _ in Double(Float(random.signed() * random.signed())) }
    let sorted = values.sorted()
    for rank in Set([0, count / 4, count / 2, count - 1]) {
      try check(values, { $1.order($0, rank: rank) }, sorted[rank], double: double)
      if count < 1000 {
        try check(values, { $1.order($0, rank: rank, scope: .model, for: "it") }, sorted[rank], double: double)
      }
    }
  }

  @Test(arguments: [[-1.0, -1, -1, 2], [0, 0, 0, 0], [-0.0, 0, -3, 3], [1e-40, -1e-40, 0, 1]])
  func `Ties, zeros and tiny numbers have their places`(values: [Double]) throws {
    let sorted = values.map { Double(Float($0)) }.sorted()
    for rank in values.indices {
      try check(values, { $1.order($0, rank: rank) }, sorted[rank], double: false)
      try check(values, { $1.order($0, rank: rank, scope: .model, for: "it") }, sorted[rank], double: false)
    }
  }

  @Test(arguments: [10, 301, 150_000], [0.0, 0.001, 0.5, 1])
  func `A share of the elements that are not zero is kept`(count: Int, share: Double) throws {
    var random = SplitMix64(seed: 42)
    let values = (0..<count).map { _ in random.next() % 3 == 0 ? 0 : Double(Float(random.signed())) }
    let shape = try #require(Shape([count]))
    let kept = ReferenceStatistics.keeps(values, count: Int(share * Double(values.count { $0 != 0 })), exactly: true)
    for cut in Self.cuts {
      let graph = ExpressionGraph()
      let value = merge(shape).keepLargest(graph.input(0), shareOfNonzero: share)
      let found = try evaluate(value, [values], shape: shape, cut: cut, double: false)
      #expect(found == zip(values, kept).map { $1 ? $0 : 0 })
      let frame = TensorFrame(shape: shape, dtypes: [.f32], checksFinite: true)
      #expect(Computation(applying: value, over: frame).sweepCount == 1)
    }
  }

  @Test(arguments: [[7], [301], [13, 29], [3, 70_000]])
  func `The largest number of a row and of a tensor is found`(extents: [Int]) throws {
    var random = SplitMix64(seed: 43)
    let shape = try #require(Shape(extents))
    let values = (0..<shape.elementCount).map { _ in Double(Float(random.signed() - 2)) }
    let rows = stride(from: 0, to: values.count, by: shape.rowLength).map { start in
      values[start..<start + shape.rowLength].max() ?? 0
    }
    for cut in Self.cuts {
      let graph = ExpressionGraph()
      let x = graph.input(0)
      let found = try evaluate(
        x * 0 + largest(x, over: .row), [values], shape: shape, cut: cut, double: false)
      #expect(found == values.indices.map { rows[$0 / shape.rowLength] })
      let whole = try evaluate(x * 0 + largest(x), [values], shape: shape, cut: cut, double: false)
      #expect(whole.allSatisfy { $0 == rows.max() })
    }
  }

  @Test func `Rows and columns have ranks, of equal ones the first the lowest`() throws {
    let shape = try #require(Shape([3, 2]))
    let graph = ExpressionGraph()
    let x = graph.input(0)
    let rows = try evaluate(x * 0 + ranks(total(x, over: .row)), [[1, 1, 3, 0, 1, 1]], shape: shape)
    #expect(rows == [0, 0, 2, 2, 1, 1])
    let columns = try evaluate(x * 0 + ranks(total(x, over: .column)), [[1, 1, 3, 0, 1, 1]], shape: shape)
    #expect(columns == [1, 0, 1, 0, 1, 0])
  }

  @Test func `A formula computes from statistics, one by one or row by row, and may refuse`() throws {
    let shape = try #require(Shape([2, 2]))
    let graph = ExpressionGraph()
    let x = graph.input(0)
    func both(_ inputs: [Value], limit: Double) throws -> [Value] {
      try merge(shape).solve("both", inputs, [limit], count: 2) { inputs, parameters throws(MethodError) in
        guard inputs[0] <= parameters[0] else { throw MethodError("too much") }
        return [inputs[0] + inputs[1], inputs[0] - inputs[1]]
      }
    }
    let rows = try both([total(x, over: .row), total(x)], limit: 10)
    #expect(try evaluate(x + rows[0] * 10 + rows[1], [[1, 2, 3, 4]], shape: shape) == [124, 125, 170, 171])
    let refused = x + (try both([total(x), total(x)], limit: 9)[0])
    let computation = Computation(
      applying: refused, over: TensorFrame(shape: shape, dtypes: [.f64], checksFinite: true))
    var storage = Operands([[1, 2, 3, 4]], double: true)
    try sweepAll(computation, TileMachine(), &storage, Cut())
    _ = computation.application()
    #expect(computation.failure == FormulaFailure(node: "node", message: "too much"))
  }

  @Test func `A sum over the model may be scaled, and read where nothing is added`() throws {
    let shape = try #require(Shape([2]))
    let tensors = (0..<3).map { number in
      let graph = ExpressionGraph()
      let part = Merge(
        node: "node", tensor: TensorInfo(name: "t\(number)", dtype: .f64, shape: shape), tensorIndex: number, base: nil,
        models: [], modelElementCount: 6)
      let x = graph.input(0)
      let sum = number == 1 ? part.totalOfOthers(graph, for: "x") : part.totalOverModel(x, for: "x", scale: 0.5)
      return Tensor(root: x + sum, operands: [[Double(number), 1]], shape: shape)
    }
    #expect(try evaluate(tensors) == [[2, 3], [3, 3], [4, 3]])
  }
}
