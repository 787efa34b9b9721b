internal import WeirTensors

/// What a method asks of a whole tensor, or of all tensors that its node merges.
extension Merge {
  /// Keeps the elements of largest magnitude of one model's delta, and zeroes the others.
  ///
  /// - Parameters:
  ///   - value: what is trimmed.
  ///   - model: the index of the model that it comes from.
  ///   - density: the fraction kept, in [0, 1]; 1 keeps all, and any other above 0 at least one element.
  ///   - extra: elements kept beyond `Int(density · n)`.
  public func trim(
    _ value: Value, of model: Int, density: Double, rule: SelectionRule = .exactK, scope: Scope = .tensor,
    extra: Int = 0
  ) -> Value {
    let available = elementCount(of: scope)
    guard density < 1, available > 0, scope == .model || !isScalar else { return value }
    guard density > 0 else { return value * 0 }
    let count = min(available, max(1, Int(density * Double(available)) + extra))
    return keepLargest(value, Quota(count: .fixed(count), rule: rule), scope: scope, for: "trim \(model)")
  }

  /// Keeps as many elements of the largest magnitude as a quota says, and zeroes the others.
  ///
  /// - Parameter purpose: in model scope, what the selection is for, different for each of one node.
  func keepLargest(_ value: Value, _ quota: Quota, scope: Scope = .tensor, for purpose: String = "") -> Value {
    let available = elementCount(of: scope)
    if case .fixed(let count) = quota.count {
      if count <= 0 { return value * 0 }
      if count >= available { return value }
    }
    let statistic = value.graph.insert(
      Statistic(
        kind: .selection(value.index, quota), scope: scope, model: scope == .model ? place(purpose) : nil))
    return Value(graph: value.graph, index: value.graph.insert(.trim(value.index, statistic: statistic)))
  }

  /// Keeps the fraction `share` of the elements that are not zero, those of largest magnitude, and zeroes the others.
  func keepLargest(_ value: Value, shareOfNonzero share: Double) -> Value {
    let zeros = value.graph.insert(Statistic(kind: .sum(isEqual(value, 0).index), scope: .tensor, model: nil))
    return keepLargest(value, Quota(count: .share(share, zeros: zeros)))
  }

  /// The number at place `rank`, from 0, of all elements in ascending order.
  ///
  /// - Parameter purpose: in model scope, what the number is for, different for each of one node.
  func order(_ value: Value, rank: Int, scope: Scope = .tensor, for purpose: String = "") -> Value {
    let rank = max(0, min(rank, elementCount(of: scope) - 1))
    let statistic = Statistic(
      kind: .order(value.index, rank: rank), scope: scope, model: scope == .model ? place(purpose) : nil)
    return Value(graph: value.graph, index: value.graph.insert(.statistic(value.graph.insert(statistic))))
  }

  /// Sums `value` over every element of every tensor that the node merges.
  ///
  /// - Parameters:
  ///   - purpose: what the sum is for, different for every such sum of one node.
  ///   - scale: what this tensor's sum is multiplied by.
  public func totalOverModel(_ value: Value, for purpose: String, scale: Double = 1) -> Value {
    statisticOfModel(.sum(value.index), purpose, value.graph, scale)
  }

  /// `Σ a·b` over every element of every tensor that the node merges, products and sums in Double.
  public func dotOverModel(_ a: Value, _ b: Value, for purpose: String) -> Value {
    statisticOfModel(.dot(min(a.index, b.index), max(a.index, b.index)), purpose, a.graph, 1)
  }

  /// A sum over the model to which other tensors contribute and this one does not.
  func totalOfOthers(_ graph: ExpressionGraph, for purpose: String) -> Value {
    let key = ModelStatisticKey(node: node, purpose: "total " + purpose)
    let nothing = graph.constant(0)
    let statistic = Statistic(kind: .sum(nothing.index), scope: .model, model: ModelPlace(key: key, tensor: -1))
    return Value(graph: graph, index: graph.insert(.statistic(graph.insert(statistic))))
  }

  private func statisticOfModel(
    _ kind: Statistic.Kind, _ purpose: String, _ graph: ExpressionGraph, _ scale: Double
  ) -> Value {
    var place = place("total " + purpose)
    place.scale = scale
    let statistic = graph.insert(Statistic(kind: kind, scope: .model, model: place))
    return Value(graph: graph, index: graph.insert(.statistic(statistic)))
  }

  private func place(_ purpose: String) -> ModelPlace {
    ModelPlace(key: ModelStatisticKey(node: node, purpose: purpose), tensor: tensorIndex)
  }

  /// Elements of what a fraction is a fraction of.
  func elementCount(of scope: Scope) -> Int { scope == .model ? modelElementCount : tensor.elementCount }

  /// Applies a formula to statistics, or row by row or column by column to theirs.
  ///
  /// - Parameters:
  ///   - name: names the formula; those of one name have one body.
  ///   - count: how many numbers it gives.
  ///   - body: the inputs' values and the parameters, to the numbers; a refusal ends the run and names node and tensor.
  func solve(
    _ name: String, _ inputs: [Value], _ parameters: [Double] = [], count: Int, body: @escaping Formula.Body
  ) throws(MethodError) -> [Value] {
    guard let graph = inputs.first?.graph else { throw .missingInput }
    let formula = Formula(name, parameters: parameters, node: node, body: body)
    return (0..<count).map { output in
      Value(graph: graph, index: graph.insert(.formula(formula, inputs.map(\.index), output: output)))
    }
  }

  /// Keeps each element with probability `density`, by the bits of (seed, tensor name, model, element), and zeroes the others.
  public func drop(_ value: Value, of model: Int, density: Double, seed: Int) -> Value {
    guard density < 1, !isScalar else { return value }
    let mask = RandomMask(seed: UInt64(bitPattern: Int64(seed)), tensor: tensor.name, model: model, density: density)
    return Value(graph: value.graph, index: value.graph.insert(.drop(value.index, mask)))
  }
}
