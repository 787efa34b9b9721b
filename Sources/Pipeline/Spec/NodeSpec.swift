public import WeirOps

/// What a value is: the numbers of a model, or the change from one model to another.
public enum Space: String, Hashable, Sendable, CaseIterable { case weight, delta }

/// What happens where a model lacks a tensor, or has it in another shape.
public enum MismatchRule: String, Hashable, Sendable, CaseIterable {
  case error
  /// The tensor is merged from the other models.
  case skipModel = "skip_model"
}

/// The name of a node or a source, and where it stands.
public struct Reference: Hashable, Sendable {
  public let name: String
  public let position: Position

  public init(name: String, position: Position) {
    self.name = name
    self.position = position
  }
}

/// The value that a pipeline gives a parameter.
public struct ParameterValue: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    case number(NumberValue)
    case flag(Bool)
    case choice(String)
    /// What a parameter of tensors or coefficients names.
    case reference(Reference)
  }

  public let content: Content
  public let position: Position

  public init(content: Content, position: Position) {
    self.content = content
    self.position = position
  }
}

/// One entry of `models` or `inputs`.
public struct ModelSpec: Sendable {
  public let from: Reference
  /// The model's own parameters, checked against the node's declaration; empty for `inputs`.
  public let parameters: [String: ParameterValue]
  /// Parameters that it gives with a value that was refused.
  var refused: Set<String> = []

  /// Whether it gives a parameter no value, right or wrong.
  func lacks(_ name: String) -> Bool { parameters[name] == nil && !refused.contains(name) }
}

/// One entry of `parts`: a run of layers of another node or source.
public struct PartSpec: Sendable {
  public let from: Reference
  public let layers: Range<Int>
  public let position: Position
}

/// One node of the graph: an operation, what it reads, and its parameters.
public struct NodeSpec: Sendable {
  public let name: Reference
  public let declaration: MethodDeclaration
  public let base: Reference?
  /// The entries of `models`, or of `inputs` for an operation that takes a list.
  public let models: [ModelSpec]
  public let parts: [PartSpec]
  /// The values that the pipeline gives; what is absent has the declaration's default.
  public internal(set) var parameters: [String: ParameterValue]
  public let filter: TensorFilter
  public let rename: [RenameRule]
  public let onMissing: MismatchRule
  public let onMismatch: MismatchRule
  /// What the node's result is, by the declaration's signature.
  public internal(set) var space: Space

  /// The operation's name.
  public var op: String { declaration.name }

  /// Everything that the node reads, in the order of base, models, parts, parameters.
  public var references: [Reference] {
    (base.map { [$0] } ?? []) + models.map(\.from) + parts.map(\.from) + sides.map(\.from)
  }

  /// The value of a parameter for model `model`: its own, else the node's; `nil` leaves the default.
  public func parameter(_ name: String, model: Int) -> ParameterValue? {
    (models.indices.contains(model) ? models[model].parameters[name] : nil) ?? parameters[name]
  }
}
