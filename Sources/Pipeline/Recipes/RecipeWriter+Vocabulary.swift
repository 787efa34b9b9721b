internal import WeirIO

extension RecipeWriter {
  /// The vocabulary of the pipeline; `nil` where nothing is said of it, or after a report.
  mutating func vocabulary() -> JSONValue? {
    guard let recipe = recipes.first(where: { $0.vocabulary != nil }), let vocabulary = recipe.vocabulary else {
      return nil
    }
    guard recipes.count == 1 else {
      problems.error(
        "a tokenizer is chosen in one of several documents, expected it in a recipe of one document: a pipeline has one "
          + "vocabulary", at: vocabulary.position)
      return nil
    }
    var members: [(String, JSONValue)] = []
    switch vocabulary.source {
    case .union: members.append(("source", .string("union")))
    case .base:
      guard let base = recipe.baseModel ?? recipe.references.first, let name = source(base) else { return nil }
      members.append(("source", .string(name)))
    case .model(let model):
      guard let name = source(model) else { return nil }
      members.append(("source", .string(name)))
    }
    let rules = vocabulary.rules.compactMap { rule -> JSONValue? in
      var members = [("token", JSONValue.string(rule.token.value))]
      switch rule.row {
      case .zero: members.append(("zero", .bool(true)))
      case .model(let model, let token, let row):
        guard let name = source(model) else { return nil }
        members.append(("from", .string(name)))
        if let token { members.append(("from_token", .string(token))) }
        if let row { members.append(("from_row", .number(row))) }
      }
      if rule.isForced { members.append(("force", .bool(true))) }
      return JSONValue(JSONValue.object(members).content, offset: rule.token.position.mark)
    }
    if !rules.isEmpty { members.append(("tokens", .array(rules))) }
    members.append(("pad_to_multiple_of", .number(vocabulary.multiple)))
    return JSONValue(JSONValue.object(members).content, offset: vocabulary.position.mark)
  }

  /// The name of a source; `nil` after a report.
  private mutating func source(_ model: ModelReference) -> String? {
    guard !recipes.contains(where: { $0.name?.value == model.model.path }) else {
      problems.error(
        "\(MessageText.quoted(model.text)) is a document, expected a model whose tokenizer is on the disk",
        at: model.position)
      return nil
    }
    return value(of: model)?.name
  }
}
