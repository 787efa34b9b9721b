internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension Form<[Named<NodeSpec>]> {
  /// The nodes of a graph, by name.
  static var graph: Form {
    let schema: @Sendable (SchemaBuilder) -> JSONValue = { $0.orVariable($0.node) }
    return .map("an object of names and nodes", noun: "node", schema: schema) { name, value, place, reader in
      guard let value = reader.resolve(value) else { return nil }
      guard value.object != nil else {
        reader.mismatch(value, at: place, expected: "an object with 'op'")
        return nil
      }
      return reader.declaration(of: value, at: place).flatMap { declaration in
        reader.node(name, value, at: place, declaration)
      }
    }
  }
}

extension Reader {
  /// The declaration of a node's operation; of a misspelt one, the nearest, so that the rest can be checked.
  fileprivate func declaration(of node: JSONValue, at place: Place) -> MethodDeclaration? {
    guard let value = node["op"] else {
      let named = node.object?.first { Suggestion.nearest(to: $0.key, in: [NodeKeys.op.name]) != nil }
      let place = place.prefix
      if let named {
        error(at: named.keyOffset, "\(place)unknown key \(MessageText.quoted(named.key)); did you mean 'op'?")
      } else {
        error(at: node.offset, "\(place)key 'op' is missing, expected \(NodeKeys.op.expected)")
      }
      return nil
    }
    guard let name = NodeKeys.op.form.read(value, at: place.key(NodeKeys.op.name), self) else { return nil }
    if let declaration = Operations.named(name) { return declaration }
    guard Codecs.named(name) == nil else {
      error(
        at: value.offset,
        "\(place.prefix)'op' is \(MessageText.quoted(name)), a codec, expected an operation; name it as the 'codec' of an "
          + "output to a '\(ArchiveSpec.suffix)' file")
      return nil
    }
    let hint = hint(for: name, in: Operations.names)
    error(
      at: value.offset,
      "\(place.prefix)'op' is \(MessageText.quoted(name)), expected an operation"
        + (hint.isEmpty ? "; 'weir methods' lists them" : hint))
    return Suggestion.nearest(to: name, in: Operations.names).flatMap(Operations.named)
  }

  fileprivate func node(
    _ name: Reference, _ value: JSONValue, at place: Place, _ declaration: MethodDeclaration
  ) -> NodeSpec? {
    guard let table = NodeKeys.tables[declaration.name],
      let fields = fields(of: value, at: place, expected: "an object with 'op'", table)
    else { return nil }
    let node = NodeSpec(
      name: name, declaration: declaration, base: fields[NodeKeys.base],
      models: fields.value(of: declaration.inputs.keyName) ?? [],
      parts: fields[NodeKeys.parts] ?? [], parameters: fields.parameters(declaration.parameters),
      filter: fields.filter, rename: fields.rename, onMissing: fields[NodeKeys.onMissing] ?? .error,
      onMismatch: fields[NodeKeys.onMismatch] ?? .error, space: .weight)
    checkModels(of: node, at: place, given: fields)
    return node
  }

  /// Reports the models that lack a parameter which neither they nor their node give.
  private func checkModels(of node: NodeSpec, at place: Place, given fields: Fields) {
    guard node.declaration.inputs.keyName == "models" else { return }
    for parameter in node.declaration.parameters
    where parameter.isPerModel && parameter.standard == nil && fields.offset(of: parameter.name) == nil {
      for (number, model) in node.models.enumerated() where model.lacks(parameter.name) {
        let key = ParameterKey.key(for: parameter, isRequired: true)
        error(
          at: model.from.position.offset,
          "\(place.element(number + 1, noun: "model").prefix)key '\(key.name)' is missing, expected \(key.expected); "
            + "give it here, or on the node for all models")
      }
    }
  }
}

extension Form<ModelSpec> {
  /// A name, or an object that carries the model's own parameters.
  static func model(_ declaration: MethodDeclaration) -> Form {
    let from = Key("from", Form<Reference>.reference, required: true, "The node or source.")
    let parameters = declaration.parameters.filter(\.isPerModel)
    let keys = parameters.map { ParameterKey.key(for: $0, isRequired: false) }
    let table = KeyTable([from] + keys as [any ObjectKey]) { key in
      declaration[parameter: key] == nil
        ? NodeKeys.explain(key, for: declaration)
        : .init(message: "'\(key)' holds for all models, expected on the node; move it there")
    }
    let object = Form.object("an object with 'from'", table) { fields, _, _, _ in
      fields[from].map { from in
        let given = fields.parameters(parameters)
        let refused = parameters.map(\.name).filter { given[$0] == nil && fields.offset(of: $0) != nil }
        return ModelSpec(from: from, parameters: given, refused: Set(refused))
      }
    }
    let expected = "a name or an object with 'from'"
    return Form(
      expected,
      schema: { .object([("anyOf", .array([from.form.bare($0), object.bare($0)]))]) },
      parse: { value, place, reader in
        switch value.content {
        case .string: return from.form.read(value, at: place, reader).map { ModelSpec(from: $0, parameters: [:]) }
        case .object: return object.read(value, at: place, reader)
        default:
          reader.mismatch(value, at: place, expected: expected)
          return nil
        }
      })
  }
}

extension Form<PartSpec> {
  static var part: Form {
    let from = Key("from", Form<Reference>.reference, required: true, "The node or source.")
    let layers = Key("layers", .layers, required: true, "The first layer, and the one after the last.")
    return .object("an object with 'from' and 'layers'", KeyTable([from, layers])) { fields, value, _, reader in
      guard let name = fields[from], let layers = fields[layers] else { return nil }
      return PartSpec(from: name, layers: layers, position: reader.position(value.offset))
    }
  }
}
