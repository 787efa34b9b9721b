internal import WeirIO

extension RecipeReader {
  /// What is said of vocabularies: at most one of two keys.
  func vocabulary(_ fields: [String: YAMLValue]) -> RecipeVocabulary? {
    let present = ["tokenizer_source", "tokenizer"].filter { fields[$0].map { !$0.isNull } ?? false }
    if present.count == 2, let second = fields["tokenizer"] {
      problems.error(
        "'tokenizer_source' and 'tokenizer' stand together, expected one of them; remove the other", at: second.position
      )
    }
    guard let key = present.first, let value = fields[key] else { return nil }
    guard key == "tokenizer" else {
      return source(value, "'tokenizer_source'").map {
        RecipeVocabulary(source: $0, rules: [], multiple: 1, position: value.position)
      }
    }
    guard let fields = self.fields(value, "'tokenizer'", ["source", "tokens", "pad_to_multiple_of"]) else { return nil }
    var source = RecipeVocabulary.Source.union
    if let given = fields["source"], !given.isNull {
      guard let read = self.source(given, "'tokenizer': 'source'") else { return nil }
      source = read
    }
    return RecipeVocabulary(
      source: source, rules: fields["tokens"].map(rules) ?? [],
      multiple: fields["pad_to_multiple_of"].flatMap(multiple) ?? 1, position: value.position)
  }

  private func source(_ value: YAMLValue, _ subject: String) -> RecipeVocabulary.Source? {
    switch value.scalar?.text {
    case "union"?: return .union
    case "base"?: return .base
    default: return model(value, subject).map { .model($0) }
    }
  }

  private func multiple(_ value: YAMLValue) -> Int? {
    guard !value.isNull else { return nil }
    guard let number = value.scalar?.number.flatMap({ Int(exactly: $0) }), number > 0 else {
      problems.mismatch(value, "'tokenizer': 'pad_to_multiple_of'", expected: "a whole number above 0")
      return nil
    }
    return number
  }

  private func rules(_ value: YAMLValue) -> [RecipeVocabulary.Rule] {
    guard !value.isNull else { return [] }
    guard let members = value.mapping else {
      problems.mismatch(value, "'tokenizer': 'tokens'", expected: "a mapping of tokens")
      return []
    }
    return members.compactMap { member in
      let subject = "'tokens': \(MessageText.quoted(member.key))"
      guard let fields = fields(member.value, subject, ["source", "force"]) else { return nil }
      guard let source = fields["source"], !source.isNull else {
        problems.error("\(subject): key 'source' is missing, expected where its row comes from", at: member.keyPosition)
        return nil
      }
      guard let row = row(source, subject) else { return nil }
      var isForced = false
      if let force = fields["force"] {
        guard let flag = force.scalar?.bool else {
          problems.mismatch(force, "\(subject): 'force'", expected: "true or false")
          return nil
        }
        isForced = flag
      }
      return RecipeVocabulary.Rule(
        token: Located(member.key, at: member.keyPosition), row: row, isForced: isForced)
    }
  }

  /// A model, or a mapping that says of what kind the row is.
  private func row(_ value: YAMLValue, _ subject: String) -> RecipeVocabulary.Rule.Row? {
    guard value.mapping != nil else { return model(value, subject).map { .model($0, token: nil, row: nil) } }
    guard let fields = fields(value, subject, ["kind", "model", "token", "token_id"]) else { return nil }
    switch fields["kind"]?.scalar?.text {
    case "zero"?: return .zero
    case "model_token"?:
      guard let named = fields["model"], let model = model(named, subject) else {
        problems.error("\(subject): 'model_token' names no model, expected 'model'", at: value.position)
        return nil
      }
      let row = fields["token_id"].flatMap { $0.scalar?.number }.flatMap { Int(exactly: $0) }
      if let given = fields["token_id"], !given.isNull, row.map({ $0 < 0 }) ?? true {
        problems.mismatch(given, "\(subject): 'token_id'", expected: "a whole number from 0")
        return nil
      }
      let token = fields["token"].flatMap { $0.isNull ? nil : $0.scalar?.text }
      guard (token == nil) != (row == nil) else {
        problems.error("\(subject): expected one of 'token' and 'token_id'", at: value.position)
        return nil
      }
      return .model(model, token: token, row: row)
    default:
      problems.mismatch(
        fields["kind"] ?? value, "\(subject): 'kind'", expected: "'zero' or 'model_token'")
      return nil
    }
  }
}
