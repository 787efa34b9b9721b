extension Merge {
  /// What parameters name beside the models, for one tensor.
  public struct Sides {
    /// A parameter, and the model that has it; `nil` where the node has it for all.
    public struct Key: Hashable, Sendable {
      public let parameter: String
      let model: Int?

      public init(_ parameter: String, model: Int?) {
        self.parameter = parameter
        self.model = model
      }
    }

    public var tensors: [Key: Value] = [:]
    /// The companion tensor of each model that has it, by the model's place in the node.
    public var companions: [Int: Value] = [:]
    public var coefficients: [Key: [Double]] = [:]

    public init() {}
  }

  /// What a parameter of the node holds for this tensor; `nil` where the pipeline names nothing.
  func tensor(_ parameter: Parameter) -> Value? { sides.tensors[Sides.Key(parameter.name, model: nil)] }

  /// What a parameter of one model holds for this tensor; `nil` where the pipeline names nothing.
  func tensor(_ parameter: Parameter, of model: Model) -> Value? {
    sides.tensors[Sides.Key(parameter.name, model: model.index)]
  }

  /// The companion of this tensor in one model; `nil` where it has none.
  func companion(of model: Model) -> Value? { sides.companions[model.index] }

  /// The coefficients of one model for this tensor; `nil` where the file has none.
  func coefficients(_ parameter: Parameter, of model: Model) -> [Double]? {
    sides.coefficients[Sides.Key(parameter.name, model: model.index)]
  }
}
