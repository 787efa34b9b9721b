/// The expression of one output tensor: nodes in an order in which operands come first, equal ones shared.
///
/// A graph is built on one thread, by one method after another, and then only read.
public final class ExpressionGraph {
  private(set) var operations: [Operation] = []
  private(set) var extents: [Extent] = []
  /// The longest chain of statistics under each node.
  private(set) var levels: [Int] = []
  /// The longest chain of model-scope statistics under each node.
  private(set) var modelLevels: [Int] = []
  private(set) var statistics: [Statistic] = []
  /// The level at which each statistic can be gathered: 0 needs nothing else.
  private(set) var statisticLevels: [Int] = []
  private(set) var statisticModelLevels: [Int] = []
  /// Where each operation stands, once there are too many to look through.
  private var indices: [Operation: Int] = [:]
  private var statisticIndices: [Statistic: Int] = [:]

  private static let fewOperations = 32

  public init() {}

  /// The elements of the input tensor in operand slot `slot`.
  public func input(_ slot: Int) -> Value { Value(graph: self, index: insert(.input(slot))) }

  public func constant(_ number: Double) -> Value {
    Value(graph: self, index: insert(.constant(bits: number.bitPattern)))
  }

  /// One number for each column: for each element of a slice along the first axis. Of no columns it is 0.
  public func columns(_ numbers: [Double]) -> Value {
    numbers.isEmpty ? constant(0) : Value(graph: self, index: insert(.columns(numbers)))
  }

  /// The number of a constant node.
  func constant(at index: Int) -> Double? {
    guard case .constant(let bits) = operations[index] else { return nil }
    return Double(bitPattern: bits)
  }

  /// What an archive of `delta` restores from `base`: their sum, and exactly `delta` where the base is subtracted again.
  public func restored(base: Value, delta: Value) -> Value {
    Value(graph: self, index: insert(.restored(base: base.index, delta: delta.index)))
  }

  func insert(_ operation: Operation) -> Int {
    if let index = place(of: operation) { return index }
    let (extent, operands) = shape(of: operation)
    var level = operands.map { levels[$0] }.max() ?? 0
    var modelLevel = operands.map { modelLevels[$0] }.max() ?? 0
    if let statistic = operation.statistic {
      level = max(level, statisticLevels[statistic] + 1)
      modelLevel = max(modelLevel, statisticModelLevels[statistic] + (statistics[statistic].scope == .model ? 1 : 0))
    }
    operations.append(operation)
    extents.append(extent)
    levels.append(level)
    modelLevels.append(modelLevel)
    if !indices.isEmpty { indices[operation] = operations.count - 1 }
    return operations.count - 1
  }

  private func place(of operation: Operation) -> Int? {
    guard operations.count > Self.fewOperations else { return operations.firstIndex(of: operation) }
    if indices.isEmpty { indices = Dictionary(uniqueKeysWithValues: zip(operations, operations.indices)) }
    return indices[operation]
  }

  func insert(_ statistic: Statistic) -> Int {
    if let index = statisticIndices[statistic] { return index }
    statistics.append(statistic)
    statisticLevels.append(statistic.operands.map { levels[$0] }.max() ?? 0)
    statisticModelLevels.append(statistic.operands.map { modelLevels[$0] }.max() ?? 0)
    statisticIndices[statistic] = statistics.count - 1
    return statistics.count - 1
  }

  /// The statistics on which `roots` depend, ascending.
  func statistics(under roots: [Int]) -> [Int] {
    var seen = [Bool](repeating: false, count: operations.count)
    var found = [Bool](repeating: false, count: statistics.count)
    var stack = roots
    while let index = stack.popLast() {
      guard !seen[index] else { continue }
      seen[index] = true
      stack += operations[index].operands
      if let statistic = operations[index].statistic, !found[statistic] {
        found[statistic] = true
        stack += statistics[statistic].operands
        if let companion = statistics[statistic].companion { found[companion] = true }
      }
    }
    return found.indices.filter { found[$0] }
  }

  private func shape(of operation: Operation) -> (Extent, [Int]) {
    let operands = operation.operands
    switch operation {
    case .input, .drop, .trim, .ranked, .random: return (.element, operands)
    case .constant: return (.scalar, operands)
    case .columns: return (.column, operands)
    case .statistic(let statistic): return (statistics[statistic].extent, operands)
    case .unary, .binary, .restored, .electedSum, .select, .formula, .ranks:
      return (operands.reduce(Extent.scalar) { $0.joined(extents[$1]) }, operands)
    }
  }
}

extension Operation {
  /// The nodes that this one reads.
  var operands: [Int] {
    switch self {
    case .input, .constant, .columns, .statistic, .random: []
    case .unary(_, let a), .trim(let a, _), .drop(let a, _), .ranks(let a), .ranked(let a, _): [a]
    case .binary(_, let a, let b), .restored(let a, let b): [a, b]
    case .electedSum(let values, _, _): values
    case .select(let mask, let a, let b): [mask, a, b]
    case .formula(_, let inputs, _): inputs
    }
  }

  /// The statistic that this node reads.
  var statistic: Int? {
    switch self {
    case .statistic(let statistic), .trim(_, let statistic): statistic
    default: nil
    }
  }
}
