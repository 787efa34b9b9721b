internal import WeirIO
internal import WeirTensors

extension RecipeReader {
  /// The parameters of one place.
  ///
  /// - Parameters:
  ///   - isModel: whether they are one model's own: what holds for all models is then without effect.
  func parameters(
    _ value: YAMLValue?, _ place: String, _ method: RecipeMethod?, isModel: Bool
  ) -> RecipeParameters {
    guard let value, !value.isNull else { return RecipeParameters() }
    guard let members = value.mapping else {
      problems.mismatch(value, "\(place)'parameters'", expected: "a mapping of names and values")
      return RecipeParameters()
    }
    var result = RecipeParameters()
    for member in members {
      let subject = "\(place.replacingLastSeparator)\(MessageText.quoted(member.key))"
      if let method { warn(of: member, subject, method, isModel: isModel) }
      guard !member.value.isNull, let setting = setting(member, subject) else { continue }
      result.settings[member.key] = setting
    }
    return result
  }

  /// Warns of a parameter that changes nothing where it stands.
  private func warn(of member: YAMLMember, _ subject: String, _ method: RecipeMethod, isModel: Bool) {
    guard let parameter = method[parameter: member.key] else {
      let isOthers = RecipeMethod.parameterNames.contains(member.key)
      let hint = isOthers ? "" : Suggestion.phrase(for: member.key, in: method.parameters.map(\.name))
      let why = isOthers || hint.isEmpty ? ": '\(method.name)' takes no such parameter" : hint
      problems.warning("\(subject) is ignored, as mergekit ignores it\(why)", at: member.keyPosition)
      return
    }
    if isModel, !parameter.isPerModel {
      problems.warning(
        "\(subject) is ignored, as mergekit ignores it: it holds for all models, and is read from the recipe's own "
          + "'parameters' and from those of slices", at: member.keyPosition)
    }
  }

  /// The value of one parameter; `nil` after a report.
  private func setting(_ member: YAMLMember, _ subject: String) -> RecipeSetting? {
    let value = member.value
    let expected = "a number, a list of numbers, or a list of 'filter' and 'value'"
    var entries: [RecipeSetting.Entry]?
    if let values = numbers(value) {
      entries = [RecipeSetting.Entry(filter: nil, values: values, position: value.position)]
    } else if let elements = value.sequence, elements.contains(where: { $0.mapping != nil }) {
      let read = elements.enumerated().map { condition($1, "\(subject), entry \($0 + 1)") }
      entries = read.contains { $0 == nil } ? nil : read.compactMap { $0 }
      if entries == nil { return nil }
    } else if value.mapping != nil {
      problems.error(
        "\(subject) is one condition alone, expected a list of them; put '- ' before it", at: value.position)
      return nil
    }
    guard let entries, !entries.isEmpty else {
      problems.mismatch(value, subject, expected: expected)
      return nil
    }
    return RecipeSetting(entries: entries, keyPosition: member.keyPosition, position: value.position)
  }

  /// A number, or a list of at least one; truth values are numbers.
  private func numbers(_ value: YAMLValue) -> [Double]? {
    let scalars = value.sequence ?? [value]
    let numbers = scalars.map { element in element.scalar.flatMap { $0.bool.map { $0 ? 1 : 0 } ?? $0.number } }
    return numbers.isEmpty || numbers.contains { $0 == nil } ? nil : numbers.compactMap { $0 }
  }

  private func condition(_ value: YAMLValue, _ subject: String) -> RecipeSetting.Entry? {
    guard let fields = fields(value, subject, ["filter", "value"]) else { return nil }
    guard let number = fields["value"] else {
      problems.error("\(subject): key 'value' is missing, expected a number or a list of numbers", at: value.position)
      return nil
    }
    guard let values = numbers(number) else {
      problems.mismatch(number, "\(subject), 'value'", expected: "a number or a list of numbers")
      return nil
    }
    guard let filter = fields["filter"], !filter.isNull else {
      return RecipeSetting.Entry(filter: nil, values: values, position: value.position)
    }
    guard let text = filter.scalar?.text else {
      problems.mismatch(filter, "\(subject), 'filter'", expected: "a part of tensors' names")
      return nil
    }
    let holdsForAll = text == "*" || text.isEmpty
    return RecipeSetting.Entry(
      filter: holdsForAll ? nil : Located(text, at: filter.position), values: values, position: value.position)
  }
}

extension String {
  /// A place before a key, as messages have it: `model 1: `.
  fileprivate var replacingLastSeparator: String { hasSuffix(", ") ? "\(dropLast(2)): " : self }
}
