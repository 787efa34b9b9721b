public import WeirTensors

/// A value whose graph is complete: it is only read, and so by as many threads as want to.
public struct SharedValue: @unchecked Sendable {
  public let value: Value

  init(_ value: Value) { self.value = value }
}

/// What a method computes with: a node of an expression, written with the operators of the papers.
///
/// Arithmetic on elements is Float32 (Double where an operand is F64), on statistics Double; nothing is rounded to a
/// storage type in between.
public struct Value {
  let graph: ExpressionGraph
  let index: Int

  public var extent: Extent { graph.extents[index] }

  /// The number, where the value is one that is known already.
  public var constant: Double? { graph.constant(at: index) }

  /// The operand slot, where the value is an input tensor as it stands.
  public var inputSlot: Int? {
    guard case .input(let slot) = graph.operations[index] else { return nil }
    return slot
  }

  /// Whether another value, of another graph, is the same expression of its own operands.
  func isTwin(of other: Value) -> Bool {
    index == other.index && graph.operations == other.graph.operations && graph.statistics == other.graph.statistics
  }

  func unary(_ operation: Operation.Unary) -> Value {
    if let constant { return graph.constant(operation.apply(constant)) }
    return Value(graph: graph, index: graph.insert(.unary(operation, index)))
  }

  static func binary(_ operation: Operation.Binary, _ a: Value, _ b: Value) -> Value {
    if let left = a.constant, let right = b.constant { return a.graph.constant(operation.apply(left, right)) }
    return Value(graph: a.graph, index: a.graph.insert(.binary(operation, a.index, b.index)))
  }
}

extension Operation.Unary {
  /// The operation on a statistic, in Double.
  func apply(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .absolute: abs(x)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
    case .squareRoot: x.squareRoot()
    case .direction: x >= 0 ? 1 : -1
    case .roundF32, .roundF16, .roundBF16: x
    case .exponential, .logarithm, .hyperbolicTangent: Double.apply(self, x)
    case .sine: CMath.sine(x)
    case .arccosine: CMath.arccosine(x)
    }
  }
}

extension Operation.Binary {
  /// The operation on statistics, in Double; comparisons give 1 or 0.
  func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: b < a ? b : a
    case .maximum: b > a ? b : a
    case .greater: a > b ? 1 : 0
    case .atLeast: a >= b ? 1 : 0
    case .equal: a == b ? 1 : 0
    }
  }
}

// MARK: - Arithmetic

/// - Note: `x · 1` is `x`, bit for bit, and is not computed.
public func * (a: Value, b: Value) -> Value {
  if b.constant == 1 { return a }
  if a.constant == 1 { return b }
  return .binary(.multiply, a, b)
}

/// - Note: `x ÷ 1` is `x`, bit for bit, and is not computed.
public func / (a: Value, b: Value) -> Value { b.constant == 1 ? a : .binary(.divide, a, b) }

public func + (a: Value, b: Value) -> Value { .binary(.add, a, b) }
/// - Note: what was restored from `b`, less `b`, is the change itself, bit for bit.
public func - (a: Value, b: Value) -> Value {
  if case .restored(let base, let delta) = a.graph.operations[a.index], base == b.index {
    return Value(graph: a.graph, index: delta)
  }
  return .binary(.subtract, a, b)
}
public func * (a: Value, b: Double) -> Value { a * a.graph.constant(b) }
public func * (a: Double, b: Value) -> Value { b * b.graph.constant(a) }
public func / (a: Value, b: Double) -> Value { a / a.graph.constant(b) }
public func + (a: Value, b: Double) -> Value { a + a.graph.constant(b) }
public func + (a: Double, b: Value) -> Value { b.graph.constant(a) + b }
public func - (a: Value, b: Double) -> Value { a - a.graph.constant(b) }
public func - (a: Double, b: Value) -> Value { b.graph.constant(a) - b }
public prefix func - (a: Value) -> Value { a.unary(.negate) }

/// `|a|`
public func magnitude(_ a: Value) -> Value { a.unary(.absolute) }
/// 1 where `a` is not negative, else −1.
public func direction(_ a: Value) -> Value { a.unary(.direction) }
/// 1, −1 or, for a zero, 0.
public func sign(_ a: Value) -> Value { a.unary(.sign) }
/// `a` rounded to what `dtype` can hold (F32, F16 or BF16), to nearest even; any other type leaves it as it is.
public func rounded(_ a: Value, to dtype: DType) -> Value {
  switch dtype {
  case .f32: a.unary(.roundF32)
  case .f16: a.unary(.roundF16)
  case .bf16: a.unary(.roundBF16)
  default: a
  }
}
public func squareRoot(_ a: Value) -> Value { a.unary(.squareRoot) }
/// eᵃ, the same bits on every CPU, as are the next two.
public func exponential(_ a: Value) -> Value { a.unary(.exponential) }
/// The natural logarithm of `a`.
public func logarithm(_ a: Value) -> Value { a.unary(.logarithm) }
public func hyperbolicTangent(_ a: Value) -> Value { a.unary(.hyperbolicTangent) }
public func minimum(_ a: Value, _ b: Value) -> Value { .binary(.minimum, a, b) }
public func maximum(_ a: Value, _ b: Value) -> Value { .binary(.maximum, a, b) }
public func maximum(_ a: Value, _ b: Double) -> Value { maximum(a, a.graph.constant(b)) }

/// `Σ values`, in order; the values are not empty.
public func sum(_ values: some Sequence<Value>) -> Value? {
  var values = values.makeIterator()
  guard var total = values.next() else { return nil }
  while let value = values.next() { total = total + value }
  return total
}

/// The angle of a cosine, for statistics: the arc cosine after clamping to [−1, 1].
public func angle(cosine: Value) -> Value {
  let one = cosine.graph.constant(1)
  return maximum(minimum(cosine, one), -one).unary(.arccosine)
}

/// The sine of an angle in radians, for statistics.
public func sine(_ angle: Value) -> Value { angle.unary(.sine) }

// MARK: - Comparison: 1 where true, 0 where not

public func isGreater(_ a: Value, _ b: Value) -> Value { .binary(.greater, a, b) }
public func isGreater(_ a: Value, _ b: Double) -> Value { isGreater(a, a.graph.constant(b)) }
public func isAtLeast(_ a: Value, _ b: Value) -> Value { .binary(.atLeast, a, b) }
public func isAtLeast(_ a: Value, _ b: Double) -> Value { isAtLeast(a, a.graph.constant(b)) }
public func isEqual(_ a: Value, _ b: Value) -> Value { .binary(.equal, a, b) }
public func isEqual(_ a: Value, _ b: Double) -> Value { isEqual(a, a.graph.constant(b)) }

/// `a` where the mask is not zero, else `b`.
public func select(_ mask: Value, _ a: Value, _ b: Value) -> Value {
  if let mask = mask.constant { return mask != 0 ? a : b }
  return Value(graph: mask.graph, index: mask.graph.insert(.select(mask.index, a.index, b.index)))
}

public func select(_ mask: Value, _ a: Value, _ b: Double) -> Value { select(mask, a, a.graph.constant(b)) }
public func select(_ mask: Value, _ a: Double, _ b: Value) -> Value { select(mask, b.graph.constant(a), b) }

/// The sum of the weighted values that have the sign of the sum of all, as TIES merges what it has trimmed.
///
///     vₖ = wₖ·xₖ        e = +1 if Σ vₖ ≥ 0, else −1
///     out = Σ [sgn vₖ = e]·vₖ          normalised: divided by Σ [sgn vₖ = e]·wₖ, where that is 0 by 1
///
/// One operation, so that a tile of every model is read once; of models that come as bit planes no tile is made at all. The
/// values are elements, and not empty; sums are taken in order.
public func electedSum(_ values: [Value], weights: [Double], normalize: Bool) -> Value {
  let graph = values[0].graph
  return Value(
    graph: graph,
    index: graph.insert(
      .electedSum(values.map(\.index), weights: weights.map(\.bitPattern), normalize: normalize)))
}

// MARK: - Statistics

/// Sums `a` over the elements of a scope, exactly as design.md §3 lays down the order.
public func total(_ a: Value, over scope: Scope = .tensor) -> Value { statistic(.sum(a.index), scope, a.graph) }

/// `Σ a·b` over a scope, products and sums in Double.
public func dot(_ a: Value, _ b: Value, over scope: Scope = .tensor) -> Value {
  statistic(.dot(min(a.index, b.index), max(a.index, b.index)), scope, a.graph)
}

/// The largest number of `a` in a row or the tensor.
func largest(_ a: Value, over scope: Scope = .tensor) -> Value { statistic(.maximum(a.index), scope, a.graph) }

/// The places, from 0, that a row or column value's numbers have in ascending order; of equal ones the first has the lowest.
func ranks(_ a: Value) -> Value { Value(graph: a.graph, index: a.graph.insert(.ranks(a.index))) }

/// The Euclidean length of `a` over a scope.
public func norm(_ a: Value, over scope: Scope = .tensor) -> Value { squareRoot(dot(a, a, over: scope)) }

private func statistic(_ kind: Statistic.Kind, _ scope: Scope, _ graph: ExpressionGraph) -> Value {
  let statistic = graph.insert(Statistic(kind: kind, scope: scope, model: nil))
  return Value(graph: graph, index: graph.insert(.statistic(statistic)))
}
