public import WeirTensors

/// What a method sees of one output tensor: its inputs as values, and its parameters as they hold for this tensor.
public struct Merge {
  /// One entry of `models` (or of `inputs`).
  public struct Model {
    /// Its place in the node, by which random masks and model-scope statistics tell the models apart.
    public let index: Int
    public let value: Value
    /// `θ − θ₀`, or the value itself where that is a delta; rounded if the node asks for it.
    public let delta: Value
    let numbers: [String: Double]

    /// The value of a per-model number for this tensor.
    public subscript(_ parameter: Parameter) -> Double { numbers[parameter.name] ?? parameter.standardNumber }
  }

  public let node: String
  public let tensor: TensorInfo
  /// The tensor's place among those that the node merges.
  public let tensorIndex: Int
  /// Where the tensor stands relative to the layers of its model.
  public let placement: LayerPlacement
  public let base: Value?
  public let models: [Model]
  /// Elements of all the tensors that the node merges: what a model-scope fraction is a fraction of.
  public let modelElementCount: Int
  private let numbers: [String: Double]
  private let flags: [String: Bool]
  private let choices: [String: String]
  private let varying: Set<String>

  /// Gathers the inputs of one tensor.
  ///
  /// - Parameters:
  ///   - models: each entry's value, whether it is a delta, and its own numbers by parameter name.
  ///   - varying: the numbers that the pipeline gives other values for other tensors.
  ///   - deltaDType: the type to which deltas are rounded before anything else; `nil` leaves them exact.
  public init(
    node: String, tensor: TensorInfo, tensorIndex: Int = 0, placement: LayerPlacement = .before, base: Value?,
    models: [(index: Int, value: Value, isDelta: Bool, numbers: [String: Double])],
    modelElementCount: Int, numbers: [String: Double] = [:], flags: [String: Bool] = [:],
    choices: [String: String] = [:], varying: Set<String> = [], deltaDType: DType? = nil
  ) {
    self.node = node
    self.tensor = tensor
    self.tensorIndex = tensorIndex
    self.placement = placement
    self.base = base
    self.modelElementCount = modelElementCount
    self.numbers = numbers
    self.flags = flags
    self.choices = choices
    self.varying = varying
    self.models = models.map { model in
      var delta = model.value
      if let base, !model.isDelta { delta = delta - base }
      if let deltaDType { delta = rounded(delta, to: deltaDType) }
      return Model(index: model.index, value: model.value, delta: delta, numbers: model.numbers)
    }
  }

  /// The value of a number for this tensor.
  public subscript(_ parameter: Parameter) -> Double { numbers[parameter.name] ?? parameter.standardNumber }

  public func flag(_ parameter: Parameter) -> Bool {
    if case .flag(let standard) = parameter.standard { return flags[parameter.name] ?? standard }
    return flags[parameter.name] ?? false
  }

  public func choice(_ parameter: Parameter) -> String {
    if case .choice(let standard) = parameter.standard { return choices[parameter.name] ?? standard }
    return choices[parameter.name] ?? ""
  }

  /// Refuses a number that differs between tensors where it is a fraction of the whole model.
  func requireOneValue(of parameter: Parameter) throws(MethodError) {
    guard varying.contains(parameter.name) else { return }
    throw MethodError(
      "'\(parameter.name)' varies from tensor to tensor, expected one value where it is a fraction of the whole model")
  }

  /// Whether the tensor is one number without an axis, of which masks within a tensor take nothing.
  var isScalar: Bool { tensor.shape.extents.isEmpty }

  /// The base's value plus a merged delta; the delta itself where the node has no base.
  public func applied(_ delta: Value) -> Value { base.map { $0 + delta } ?? delta }

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
    let available = scope == .model ? modelElementCount : tensor.elementCount
    guard density < 1, available > 0, scope == .model || !isScalar else { return value }
    guard density > 0 else { return value * 0 }
    let count = min(available, max(1, Int(density * Double(available)) + extra))
    let graph = value.graph
    let statistic = graph.insert(
      Statistic(
        kind: .selection(value.index, count: count, rule: rule), scope: scope,
        model: scope == .model ? place("trim \(model)") : nil))
    return Value(graph: graph, index: graph.insert(.trim(value.index, statistic: statistic)))
  }

  /// Sums `value` over every element of every tensor that the node merges.
  ///
  /// - Parameter purpose: what the sum is for, different for every such sum of one node.
  public func totalOverModel(_ value: Value, for purpose: String) -> Value {
    statisticOfModel(.sum(value.index), purpose, value.graph)
  }

  /// `Σ a·b` over every element of every tensor that the node merges, products and sums in Double.
  public func dotOverModel(_ a: Value, _ b: Value, for purpose: String) -> Value {
    statisticOfModel(.dot(min(a.index, b.index), max(a.index, b.index)), purpose, a.graph)
  }

  private func statisticOfModel(_ kind: Statistic.Kind, _ purpose: String, _ graph: ExpressionGraph) -> Value {
    let statistic = graph.insert(Statistic(kind: kind, scope: .model, model: place("total " + purpose)))
    return Value(graph: graph, index: graph.insert(.statistic(statistic)))
  }

  private func place(_ purpose: String) -> ModelPlace {
    ModelPlace(key: ModelStatisticKey(node: node, purpose: purpose), tensor: tensorIndex)
  }

  /// Keeps each element with probability `density`, by the bits of (seed, tensor name, model, element), and zeroes the others.
  public func drop(_ value: Value, of model: Int, density: Double, seed: Int) -> Value {
    guard density < 1, !isScalar else { return value }
    let mask = RandomMask(seed: UInt64(bitPattern: Int64(seed)), tensor: tensor.name, model: model, density: density)
    return Value(graph: value.graph, index: value.graph.insert(.drop(value.index, mask)))
  }
}

extension Parameter {
  /// The default as a number; a required number always has a value from the pipeline.
  var standardNumber: Double {
    if case .number(let number) = standard { return number }
    return .nan
  }
}
