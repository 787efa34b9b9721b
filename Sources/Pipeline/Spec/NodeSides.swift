public import WeirOps

/// What a parameter of a node names beside its models.
public struct SideSpec: Sendable {
  public let parameter: Parameter
  /// The model that has it; `nil` where the node has it for all.
  public let model: Int?
  public let from: Reference
}

extension NodeSpec {
  /// What the node's parameters name, by parameter, then by model.
  public var sides: [SideSpec] {
    declaration.parameters.flatMap { parameter -> [SideSpec] in
      guard parameter.isNamed else { return [] }
      let places: [Int?] = parameter.isPerModel ? models.indices.map { $0 } : [nil]
      return places.compactMap { model in
        let value = model.map { self.parameter(parameter.name, model: $0) } ?? parameters[parameter.name]
        guard case .reference(let from)? = value?.content else { return nil }
        return SideSpec(parameter: parameter, model: model, from: from)
      }
    }
  }
}

extension Parameter {
  /// Whether its value is the name of a source or node.
  var isNamed: Bool {
    switch kind {
    case .tensors, .coefficients: true
    case .number, .integer, .flag, .choice: false
    }
  }
}
