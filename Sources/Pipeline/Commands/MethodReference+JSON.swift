public import WeirIO
internal import WeirOps
internal import WeirTensors

extension MethodReference {
  /// The list of all operations, or the page of one.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where there is none of that name.
  public static func text(named name: String?) throws(PipelineError) -> String {
    guard let name else { return list() }
    return page(for: try declaration(name))
  }

  /// All operations, or one, for programs.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where there is none of that name.
  public static func json(named name: String?) throws(PipelineError) -> JSONValue {
    guard let name else { return .array(declarations.map(json)) }
    return json(try declaration(name))
  }

  /// The declaration of a name.
  static func declaration(_ name: String) throws(PipelineError) -> MethodDeclaration {
    if let declaration = Operations.named(name) { return declaration }
    let hint = Suggestion.phrase(for: name, in: Operations.names)
    throw PipelineError(
      .request, "unknown method \(MessageText.quoted(name))\(hint.isEmpty ? "; 'weir methods' lists them" : hint)")
  }

  private static func json(_ declaration: MethodDeclaration) -> JSONValue {
    .object([
      ("name", .string(declaration.name)), ("summary", .string(declaration.summary)),
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
    }
    switch parameter.standard {
    case .number(let number): members.append(("default", number.schema))
    case .flag(let flag): members.append(("default", .bool(flag)))
    case .choice(let word): members.append(("default", .string(word)))
    case nil: members.append(("required", .bool(true)))
    }
    return .object(
      members + [
        ("value", .string(parameter.rangeText)), ("per_model", .bool(parameter.isPerModel)),
        ("summary", .string(parameter.summary)),
      ])
  }
}
