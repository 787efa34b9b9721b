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
  let sides: Sides

  /// Gathers the inputs of one tensor.
  ///
  /// - Parameters:
  ///   - models: each entry's value, whether it is a delta, and its own numbers by parameter name.
  ///   - varying: the numbers that the pipeline gives other values for other tensors.
  ///   - sides: what parameters name beside the models.
  ///   - deltaDType: the type to which deltas are rounded before anything else; `nil` leaves them exact.
  public init(
    node: String, tensor: TensorInfo, tensorIndex: Int = 0, placement: LayerPlacement = .before, base: Value?,
    models: [(index: Int, value: Value, isDelta: Bool, numbers: [String: Double])],
    modelElementCount: Int, numbers: [String: Double] = [:], flags: [String: Bool] = [:],
    choices: [String: String] = [:], varying: Set<String> = [], sides: Sides = Sides(), deltaDType: DType? = nil
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
    self.sides = sides
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
}

extension Parameter {
  /// The default as a number; a required number always has a value from the pipeline.
  var standardNumber: Double {
    if case .number(let number) = standard { return number }
    return .nan
  }
}
