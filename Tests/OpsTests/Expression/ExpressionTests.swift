import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// A random expression, in the engine's words and, number by number, in the plainest ones.
private struct RandomExpression {
  /// A value, and what each element of it is, broadcast to the whole tensor.
  struct Pair {
    let value: Value
    let numbers: [Double]
  }

  let graph = ExpressionGraph()
  let shape: Shape
  let operands: [[Double]]
  private var pool: [Pair] = []
  private var random: SplitMix64
  private let rowLength: Int
  private let columnCount: Int

  init(_ shape: Shape, inputs: Int, seed: UInt64) {
    self.shape = shape
    var random = SplitMix64(seed: seed)
    operands = (0..<inputs).map { _ in (0..<shape.elementCount).map { _ in random.dyadic() } }
    self.random = random
    rowLength = max(1, shape.rowLength)
    columnCount = shape.extents.count < 2 ? shape.elementCount : shape.elementCount / shape.extents[0]
    for slot in 0..<inputs { pool.append(Pair(value: graph.input(slot), numbers: operands[slot])) }
    for constant in [0.5, -2, 0, 1] {
      pool.append(
        Pair(value: graph.constant(constant), numbers: [Double](repeating: constant, count: shape.elementCount)))
    }
  }

  /// Grows the expression by so many operations, and gives a sum of its last values.
  mutating func grow(_ count: Int) -> Pair {
    for _ in 0..<count { pool.append(next()) }
    return pool.suffix(3).reduce(pool[0]) { Self.combine($0, $1, +, +) }
  }

  private mutating func next() -> Pair {
    let (a, b, c) = (random.pick(pool), random.pick(pool), random.pick(pool))
    switch random.int(0..<17) {
    case 0, 1: return Self.combine(a, b, +, +)
    case 2: return Self.combine(a, b, -, -)
    case 3, 4: return Self.combine(a, b, *, *)
    case 5: return Self.combine(a, b, minimum) { $1 < $0 ? $1 : $0 }
    case 6: return Self.combine(a, b, maximum) { $1 > $0 ? $1 : $0 }
    case 7: return Self.combine(a, b, isGreater) { $0 > $1 ? 1 : 0 }
    case 8: return Self.combine(a, b, isEqual) { $0 == $1 ? 1 : 0 }
    case 9: return map(a, magnitude) { abs($0) }
    case 10: return map(a, sign) { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
    case 11:
      return Pair(
        value: select(a.value, b.value, c.value),
        numbers: a.numbers.indices.map { a.numbers[$0] != 0 ? b.numbers[$0] : c.numbers[$0] })
    case 12:
      let trimmed = trim(a)
      return random.next() % 2 == 0
        ? trimmed : map(trimmed, { sign($0) * 1.5 }, { ($0 > 0 ? 1 : $0 < 0 ? -1 : 0) * 1.5 })
    case 16: return map(a, direction) { $0 >= 0 ? 1 : -1 }
    case 13: return map(a, { -$0 }, { -$0 })
    default: return statistic(a, b)
    }
  }

  private static func combine(
    _ a: Pair, _ b: Pair, _ value: (Value, Value) -> Value, _ number: (Double, Double) -> Double
  ) -> Pair {
    Pair(value: value(a.value, b.value), numbers: zip(a.numbers, b.numbers).map(number))
  }

  private func map(_ a: Pair, _ value: (Value) -> Value, _ number: (Double) -> Double) -> Pair {
    Pair(value: value(a.value), numbers: a.numbers.map(number))
  }

  private mutating func trim(_ a: Pair) -> Pair {
    // Only elements are trimmed, and a number that is none has no place in an order.
    guard a.value.extent == .element, a.numbers.allSatisfy(\.isFinite), !a.numbers.isEmpty else { return a }
    let count = random.int(1..<a.numbers.count + 1)
    let rule = random.pick(SelectionRule.allCases)
    let statistic = graph.insert(
      Statistic(kind: .selection(a.value.index, Quota(count: .fixed(count), rule: rule)), scope: .tensor, model: nil))
    let keeps = ReferenceStatistics.keeps(a.numbers, count: count, exactly: rule == .exactK)
    return Pair(
      value: Value(graph: graph, index: graph.insert(.trim(a.value.index, statistic: statistic))),
      numbers: zip(a.numbers, keeps).map { $1 ? $0 : 0 })
  }

  private mutating func statistic(_ a: Pair, _ b: Pair) -> Pair {
    let scope = random.pick([Scope.tensor, .row, .column])
    let isDot = random.next() % 2 == 0
    let value = isDot ? dot(a.value, b.value, over: scope) : total(a.value, over: scope)
    let products = isDot ? zip(a.numbers, b.numbers).map { $0 * $1 } : a.numbers
    let sums: [Double]
    switch scope {
    case .tensor, .model: sums = [ReferenceStatistics.sum(products)]
    case .row: sums = ReferenceStatistics.rowSums(products, rowLength: rowLength)
    case .column: sums = ReferenceStatistics.columnSums(products, columns: columnCount)
    }
    let scale = 1.0 / Double(products.count)
    return Pair(
      value: value * scale,
      numbers: products.indices.map {
        scale * sums[scope == .tensor ? 0 : scope == .row ? $0 / rowLength : $0 % columnCount]
      })
  }
}

@Suite struct ExpressionTests {
  @Test(arguments: 0..<60)
  func `A random expression is what a plain evaluation makes of it, bit for bit`(seed: Int) throws {
    let extents = [[1], [37], [6, 11], [3, 4, 5], [1, 9], [9, 1]][seed % 6]
    let shape = try #require(Shape(extents))
    var expression = RandomExpression(shape, inputs: 1 + seed % 4, seed: UInt64(seed))
    let pair = expression.grow(5 + seed % 25)
    for cut in Cut.all {
      let found = try evaluate(pair.value, expression.operands, shape: shape, cut: cut)
      for (place, expected) in pair.numbers.enumerated() {
        let isSame = found[place] == expected || (found[place].isNaN && expected.isNaN)
        #expect(isSame, "element \(place) of \(extents): \(found[place]), expected \(expected); \(cut)")
        if !isSame { return }
      }
    }
  }

  @Test func `Equal subexpressions are one node, and are computed once`() {
    let graph = ExpressionGraph()
    let (a, b) = (graph.input(0), graph.input(1))
    func delta() -> Value { graph.input(1) - graph.input(0) }
    #expect(delta().index == (b - a).index)
    #expect(norm(delta()).index == norm(b - a).index)
    #expect(dot(a, b).index == dot(b, a).index)
    let root = delta() * delta() + magnitude(delta()) * 2
    let program = graph.compile(roots: [root.index])
    let loads = program.instructions.count { if case .load = $0 { true } else { false } }
    let differences = program.instructions.count { if case .loadDifference = $0 { true } else { false } }
    #expect(loads == 0)
    #expect(differences == 1)
    #expect(program.slots == [0, 1])
  }

  @Test func `Constants are computed once and units leave no trace`() {
    let graph = ExpressionGraph()
    let a = graph.input(0)
    #expect((graph.constant(2) * 3 + 1).constant == 7)
    #expect((a * 1).index == a.index)
    #expect((1 * a).index == a.index)
    #expect((a / 1).index == a.index)
    #expect((a * 1).inputSlot == 0)
    #expect((a * 2).inputSlot == nil)
    #expect(select(graph.constant(1), a, 0).index == a.index)
    #expect((graph.constant(0) / graph.constant(0)).constant?.isNaN == true)
  }

  private func merge(_ method: String, models: Int, numbers: [String: Double] = [:]) throws -> (Value, ExpressionGraph)
  {
    let type = try #require(MethodRegistry.method(named: method))
    let graph = ExpressionGraph()
    let hasBase = !["linear", "mean", "add"].contains(method)
    let shape = try #require(Shape([100]))
    let merge = Merge(
      node: "n", tensor: TensorInfo(name: "w", dtype: .f32, shape: shape), base: hasBase ? graph.input(models) : nil,
      models: (0..<models).map { (index: $0, value: graph.input($0), isDelta: false, numbers: numbers) },
      modelElementCount: 100, numbers: numbers)
    return (try type.merge(merge), graph)
  }

  @Test(arguments: [
    ("linear", 3), ("mean", 3), ("add", 3), ("task_arithmetic", 4), ("dare_linear", 4),
  ])
  func `A sum over many models takes a few registers`(method: String, registers: Int) throws {
    let (value, graph) = try merge(method, models: 60, numbers: ["weight": 0.3, "density": 0.5])
    let program = graph.compile(roots: [value.index])
    #expect(program.registerCount <= registers)
    #expect(program.slots.count == (graph.operations.count { if case .input = $0 { true } else { false } }))
  }

  @Test func `An election over many models takes a register for each and a few more`() throws {
    let (value, graph) = try merge("ties", models: 40, numbers: ["weight": 0.3, "density": 0.5])
    #expect(graph.compile(roots: [value.index]).registerCount <= 2 * 40 + 6)
  }

  @Test func `A sum with a scaled operand is one instruction, unless another reads the product`() {
    let graph = ExpressionGraph()
    let (a, b) = (magnitude(graph.input(0)), magnitude(graph.input(1)))
    func absorbs(_ roots: [Value]) -> Bool {
      graph.compile(roots: roots.map(\.index)).instructions.contains { if case .addScaled = $0 { true } else { false } }
    }
    #expect(absorbs([a + b * 3]))
    #expect(absorbs([b * 3 + a]))
    #expect(absorbs([a + a * 3]))
    #expect(!absorbs([a + b * 3, b * 3]))
    #expect(!absorbs([b * 3 + b * 3]))
    #expect(!absorbs([a + b]))
  }

  @Test func `An operand that is only scaled or added is decoded by that instruction`() {
    let graph = ExpressionGraph()
    let (a, b, c) = (graph.input(0), graph.input(1), magnitude(graph.input(2)))
    /// How many instructions load, load and scale, load and add, and do anything else.
    func counts(_ roots: [Value], planeSlots: Set<Int> = []) -> [Int] {
      var found = [0, 0, 0, 0]
      for instruction in graph.compile(roots: roots.map(\.index), planeSlots: planeSlots).instructions {
        switch instruction {
        case .load: found[0] += 1
        case .loadScaled: found[1] += 1
        case .loadAdded: found[2] += 1
        default: found[3] += 1
        }
      }
      return found
    }
    #expect(counts([a * 2 + b * 3]) == [0, 1, 1, 0])
    #expect(counts([a + b]) == [1, 0, 1, 0])
    #expect(counts([c + a]) == [1, 0, 1, 1])
    #expect(counts([a + c * 2]) == [2, 0, 0, 2])
    #expect(counts([a * 3]) == [0, 1, 0, 0])
    #expect(counts([graph.restored(base: a, delta: c)]) == [1, 0, 1, 1])
    // What is read twice is decoded once.
    #expect(counts([a * 3, a]) == [1, 0, 0, 1])
    #expect(counts([a + b * 3, b]) == [1, 0, 1, 1] || counts([a + b * 3, b]) == [2, 0, 0, 1])
    #expect(counts([a + a * 3]) == [1, 0, 0, 1])
    // Bit planes have a loader of their own.
    #expect(counts([c + a * 2], planeSlots: [0]) == [2, 0, 0, 2])
  }

  @Test(arguments: [0, 1]) func `A number that is not finite is found where an instruction scales or adds it`(
    slot: Int
  ) throws {
    let graph = ExpressionGraph()
    let shape = try #require(Shape([3]))
    let frame = TensorFrame(shape: shape, dtypes: [.f32, .f32], checksFinite: true)
    let application = Computation(applying: graph.input(0) * 2 + graph.input(1) * 3, over: frame).application()
    var rows: [[Double]] = [[1, 2, 3], [4, 5, 6]]
    rows[slot][1] = .infinity
    var storage = Operands(rows, double: false)
    var found: NonFinite?
    let target = UnsafeMutableRawPointer.allocate(byteCount: 12, alignment: 4)
    defer { target.deallocate() }
    try storage.withWindows { inputs in
      do throws(NonFinite) {
        try TileMachine(tileLength: 2).apply(application, to: 0..<3, inputs: inputs, into: target, as: .f32)
      } catch { found = error }
    }
    #expect(found?.slot == slot)
    #expect(found?.element == 1)
    #expect(found?.value == .infinity)
  }

  /// Applies an expression of two operands to elements that are stored as `dtype`; the result's bytes.
  private func apply(
    _ value: Value, _ rows: [[Double]], as dtype: DType
  ) throws -> [UInt8] {
    let count = rows[0].count
    let frame = TensorFrame(
      shape: try #require(Shape([count])), dtypes: [dtype, dtype], checksFinite: true)
    let application = Computation(applying: value, over: frame).application()
    let stored = rows.map { storedBytes($0, as: dtype) }
    var result = [UInt8](repeating: 0, count: count * dtype.byteCount)
    try stored[0].withUnsafeBytes { first in
      try stored[1].withUnsafeBytes { second in
        let inputs = try [first, second].map { InputWindow(address: try #require($0.baseAddress), first: 0) }
        try result.withUnsafeMutableBytes { target in
          try TileMachine(tileLength: 64).apply(
            application, to: 0..<count, inputs: inputs, into: #require(target.baseAddress), as: dtype)
        }
      }
    }
    return result
  }

  @Test(arguments: [DType.bf16, .f16]) func `A sum that is stored as its operand is rounded as in steps`(
    dtype: DType
  ) throws {
    var random = SplitMix64(seed: 8)
    let rows = (0..<2).map { _ in (0..<1000).map { _ in random.signed() * Double(1 << random.int(0..<16)) } }
    let graph = ExpressionGraph()
    let (a, b) = (graph.input(0), graph.input(1))
    let format: ReferenceFloat = dtype == .f16 ? .f16 : .bf16
    // What an operand holds is what it was stored as.
    let numbers = rows.map { row in row.map { format.encode($0).map { Float(format.decode($0)) } ?? 0 } }
    let sums: [(Value, (Float, Float) -> Float)] = [
      (a + b, { $0 + $1 }), (a * 0.3 + b * 0.7, { $0 * 0.3 + $1 * 0.7 }),
      (graph.restored(base: a, delta: b), { $0 + $1 }),
    ]
    for (value, sum) in sums {
      let expected = zip(numbers[0], numbers[1]).map { Double(sum($0, $1)) }
      #expect(try apply(value, rows, as: dtype) == storedBytes(expected, as: dtype))
    }
    for slot in [0, 1] {
      var wrong = rows
      wrong[slot][700] = .infinity
      #expect(throws: NonFinite(slot: slot, element: 700, value: .infinity)) {
        try self.apply(a * 0.3 + b, wrong, as: dtype)
      }
    }
  }

  @Test func `Signs of what a trim leaves are scaled in one step, unless another reads them`() {
    let graph = ExpressionGraph()
    let a = graph.input(0)
    let statistic = graph.insert(
      Statistic(kind: .selection(a.index, Quota(count: .fixed(2), rule: .exactK)), scope: .tensor, model: nil))
    let trimmed = Value(graph: graph, index: graph.insert(.trim(a.index, statistic: statistic)))
    func isOneStep(_ roots: [Value]) -> Bool {
      graph.compile(roots: roots.map(\.index)).instructions.contains { if case .trimSign = $0 { true } else { false } }
    }
    #expect(isOneStep([sign(trimmed) * 3]))
    #expect(isOneStep([3 * sign(trimmed)]))
    #expect(!isOneStep([sign(trimmed) * 3, trimmed]))
    #expect(!isOneStep([sign(trimmed) * 3, sign(trimmed)]))
    #expect(!isOneStep([sign(a) * 3]))
  }

  @Test func `Levels follow the longest chain of statistics`() {
    let graph = ExpressionGraph()
    let a = graph.input(0)
    let first = total(a)
    let second = total(a - first)
    let third = dot(a * second, a - first, over: .row)
    #expect([a, first, second, third, a + first].map { graph.levels[$0.index] } == [0, 1, 2, 3, 1])
    #expect([first, second, third].map(\.modelSweepLevels) == [0, 0, 0])
    #expect(
      [first, third, third + first, third + a, third * total(a, over: .column)].map(\.extent)
        == [.scalar, .row, .row, .element, .element])
  }

  @Test func `A program works through every register that its results still need`() throws {
    // Several roots, of which one is an operand of another and one is read twice.
    let graph = ExpressionGraph()
    let (a, b) = (graph.input(0), graph.input(1))
    let roots = [a, a + b, (a + b) * (a + b), a, a - b]
    let program = graph.compile(roots: roots.map(\.index))
    let shape = try #require(Shape([3]))
    let frame = TensorFrame(shape: shape, dtypes: [.f64, .f64], checksFinite: true)
    let bound = BoundProgram(program, over: frame, scalars: [], vectors: [], selections: [], rankings: [])
    let machine = TileMachine(tileLength: 3)
    var storage = Operands([[1, 2, 3], [5, 7, 11]], double: true)
    try storage.withWindows { try machine.run(bound, first: 0, count: 3, inputs: $0) }
    let found = program.outputs.map { output in (0..<3).map { machine.register(output, as: Double.self)[$0] } }
    #expect(found == [[1, 2, 3], [6, 9, 14], [36, 81, 196], [1, 2, 3], [-4, -5, -8]])
  }

  @Test func `Of equal expressions over equal frames the first is used again, and of no others`() throws {
    let shape = try #require(Shape([300, 300]))
    func value(_ weight: Double) -> Value {
      let graph = ExpressionGraph()
      return norm(graph.input(1) - graph.input(0)) * weight + graph.input(0)
    }
    func frame(_ dtype: DType) -> TensorFrame { TensorFrame(shape: shape, dtypes: [dtype, dtype], checksFinite: true) }
    var estimator = CostEstimator(tileLength: 64)
    let first = value(0.5)
    #expect(estimator.cost(of: first, over: frame(.f32)).twin == nil)
    #expect(estimator.cost(of: value(0.5), over: frame(.bf16)).twin == nil)
    #expect(estimator.cost(of: value(0.5), over: frame(.f32)).twin?.value.graph === first.graph)
    #expect(estimator.cost(of: value(0.25), over: frame(.f32)).twin == nil)
    #expect(estimator.cost(of: value(0.5), over: frame(.f32)).twin == nil)
  }
}
