public import WeirIO
internal import WeirOps
internal import WeirTensors

extension MethodReference {
  /// The list of all operations and codecs, or the page of what has a name.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where nothing has that name.
  public static func text(named name: String?) throws(PipelineError) -> String {
    guard let name else { return list() }
    if let page = page(named: name) { return page }
    throw unknown(name, in: Operations.names + Codecs.names)
  }

  /// All operations and codecs, or what has a name, for programs; a codec that shares its name stands in the operation.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where nothing has that name.
  public static func json(named name: String?) throws(PipelineError) -> JSONValue {
    guard let name else { return .array(declarations.map(json) + codecs.map(codecJSON)) }
    switch (Operations.named(name), Codecs.named(name)) {
    case (let operation?, nil): return json(operation)
    case (let operation?, let codec?): return json(operation).setting("codec", to: codecJSON(codec))
    case (nil, let codec?): return codecJSON(codec)
    case (nil, nil): throw unknown(name, in: Operations.names + Codecs.names)
    }
  }

  /// The declaration of an operation.
  static func declaration(_ name: String) throws(PipelineError) -> MethodDeclaration {
    if let declaration = Operations.named(name) { return declaration }
    throw unknown(name, in: Operations.names)
  }

  private static func unknown(_ name: String, in names: [String]) -> PipelineError {
    let hint = Suggestion.phrase(for: name, in: names)
    return PipelineError(
      .request, "unknown method \(MessageText.quoted(name))\(hint.isEmpty ? "; 'weir methods' lists them" : hint)")
  }

  private static func codecJSON(_ declaration: MethodDeclaration) -> JSONValue {
    let members = (json(declaration).object ?? []).filter {
      !["kind", "inputs", "result", "primitive"].contains($0.key)
    }
    return .object([("kind", .string("codec"))] + members.map { ($0.key, $0.value) })
  }

  private static func json(_ declaration: MethodDeclaration) -> JSONValue {
    .object([
      ("kind", .string(declaration.isPrimitive ? "primitive" : "method")), ("name", .string(declaration.name)),
      ("summary", .string(declaration.summary)),
      ("formula", .string(declaration.formula)), ("inputs", .string(declaration.inputsText)),
      ("result", .string(declaration.resultText)), ("reads", .string(declaration.reads)),
      ("numerics", .string(declaration.numerics.rawValue)), ("primitive", .bool(declaration.isPrimitive)),
      ("source", .string(declaration.source)), ("differs", .array(declaration.differs.map { .string($0) })),
      ("parameters", .array(declaration.parameters.map(json))),
      ("example", (try? JSON.parse(declaration.example)) ?? .string(declaration.example)),
    ])
  }

  private static func json(_ parameter: Parameter) -> JSONValue {
    var members: [(String, JSONValue)] = [("name", .string(parameter.name))]
    switch parameter.kind {
    case .number: members.append(("kind", .string("number")))
    case .integer: members.append(("kind", .string("integer")))
    case .flag: members.append(("kind", .string("flag")))
    case .choice(let words):
      members += [("kind", .string("choice")), ("choices", .array(words.map { .string($0) }))]
    case .tensors: members.append(("kind", .string("tensors")))
    case .coefficients: members.append(("kind", .string("coefficients")))
    }
    switch parameter.standard {
    case .number(let number): members.append(("default", number.schema))
    case .flag(let flag): members.append(("default", .bool(flag)))
    case .choice(let word): members.append(("default", .string(word)))
    case .nothing: members.append(("default", .null))
    case nil: members.append(("required", .bool(true)))
    }
    return .object(
      members + [
        ("value", .string(parameter.rangeText)), ("per_model", .bool(parameter.isPerModel)),
        ("summary", .string(parameter.summary)),
      ])
  }
}
