internal import WeirIO
internal import WeirOps

extension RecipeWriter {
  /// A parameter of one model, where it has its own, or where names of layers in filters mean its layers alone.
  func own(
    _ parameter: RecipeMethod.Parameter, of input: Input, _ group: Group, _ declaration: MethodDeclaration
  ) -> (String, JSONValue)? {
    // What the operation takes on its node alone stands there.
    guard parameter.target.flatMap({ declaration[parameter: $0] })?.isPerModel ?? true else { return nil }
    let settings = (input.parameters + group.shared).compactMap { $0[parameter.name] }
    let isOwn = input.parameters.contains { $0[parameter.name] != nil }
    guard isOwn || group.layers != nil && settings.contains(where: \.namesLayers) else { return nil }
    return written(parameter, settings, layers: input.layers?.value, declaration)
  }

  /// A parameter that holds for all models of a group; `nil` where the operation's default does.
  func shared(
    _ parameter: RecipeMethod.Parameter, _ models: [Input], _ group: Group, _ declaration: MethodDeclaration
  ) -> (String, JSONValue)? {
    if parameter.isRequired { checkRequired(parameter, models, group) }
    if parameter.isPerModel, models.count == 1, declaration[parameter: parameter.target ?? ""]?.isPerModel == false {
      let settings = (models[0].parameters + group.shared).compactMap { $0[parameter.name] }
      return written(parameter, settings, layers: models[0].layers?.value, declaration)
    }
    let settings = group.shared.compactMap { $0[parameter.name] }
    guard !settings.isEmpty else { return nil }
    if parameter.isPerModel, group.layers != nil, settings.contains(where: \.namesLayers) { return nil }
    return written(parameter, settings, layers: group.layers, declaration)
  }

  /// Reports what mergekit demands and nobody gives.
  private func checkRequired(_ parameter: RecipeMethod.Parameter, _ models: [Input], _ group: Group) {
    guard parameter.isPerModel else {
      if !group.shared.contains(where: { $0[parameter.name] != nil }) {
        problems.error(
          "\(group.place)'\(group.method.name)' needs '\(parameter.name)', expected it under 'parameters'",
          at: group.position)
      }
      return
    }
    for model in models where !isGiven(parameter.name, model, group) {
      problems.error(
        "\(group.place)\(MessageText.quoted(model.model.text)) has no '\(parameter.name)', expected one under its "
          + "'parameters', or under the recipe's for all models", at: model.model.position)
    }
  }

  /// A parameter as the operation takes it: of several settings, the nearest first, whatever holds for a tensor.
  private func written(
    _ parameter: RecipeMethod.Parameter, _ settings: [RecipeSetting], layers: Range<Int>?,
    _ declaration: MethodDeclaration
  ) -> (String, JSONValue)? {
    let entries = effective(settings)
    guard let first = entries.first, let position = settings.first?.position else { return nil }
    let isOne =
      entries.allSatisfy { $0.isConstant && $0.values.first == first.values.first } && entries.last?.filter == nil
    guard let target = parameter.target, let declared = declaration[parameter: target] else {
      // A switch that is off, or a mask's type, changes nothing.
      if parameter.target != nil, first.values != [0] || !isOne {
        problems.error(
          "'\(parameter.name)' is not among what '\(declaration.name)' takes in this version", at: position)
      }
      return nil
    }
    if parameter.isFlag || parameter.isWhole {
      guard isOne, let number = first.values.first else {
        problems.error(
          "'\(parameter.name)' differs from tensor to tensor, expected one value for all of them", at: position)
        return nil
      }
      let value = declared.kind == .flag ? JSONValue.bool(number != 0) : number.schema
      return (target, JSONValue(value.content, offset: position.mark))
    }
    if entries.count == 1, first.filter == nil {
      return (target, JSONValue(first.number.content, offset: position.mark))
    }
    let rules = entries.flatMap { self.rules($0, layers) }
    // Rules of which none can hold leave the default.
    return rules.isEmpty ? nil : (target, JSONValue(.array(rules), offset: position.mark))
  }

  /// The entries of all settings in order, up to the first that holds for every tensor.
  private func effective(_ settings: [RecipeSetting]) -> [RecipeSetting.Entry] {
    var entries: [RecipeSetting.Entry] = []
    for entry in settings.flatMap(\.entries) {
      entries.append(entry)
      if entry.filter == nil { break }
    }
    return entries
  }

  private func rules(_ entry: RecipeSetting.Entry, _ layers: Range<Int>?) -> [JSONValue] {
    let value =
      entry.isConstant
      ? [("value", (entry.values.first ?? 0).schema)] : entry.number.object.map { $0.map { ($0.key, $0.value) } } ?? []
    guard let filter = entry.filter else {
      return [JSONValue(JSONValue.object(value).content, offset: entry.position.mark)]
    }
    guard !filter.value.contains(where: { $0 == "*" || $0 == "?" }) else {
      let plain = filter.value.filter { $0 != "*" && $0 != "?" }
      problems.warning(
        "filter \(MessageText.quoted(filter.value)) holds for no tensor: mergekit looks for the text itself, signs included"
          + (plain.isEmpty ? "" : "; write \(MessageText.quoted(plain))"), at: filter.position)
      return []
    }
    return LayerFilter(filter.value).globs(layers: layers).map { glob in
      JSONValue(JSONValue.object([("for", .string(glob))] + value).content, offset: entry.position.mark)
    }
  }
}

extension RecipeSetting {
  /// Whether a filter has the number of a layer in it.
  var namesLayers: Bool { entries.contains { $0.filter.map { LayerFilter($0.value).number != nil } ?? false } }
}

extension RecipeSetting.Entry {
  /// A number, or a ramp that has its first value outside the layers, as embeddings and heads have it in mergekit.
  fileprivate var number: JSONValue {
    guard let first = values.first, let last = values.last, !isConstant else { return (values.first ?? 0).schema }
    let ramp: [(String, JSONValue)] = [("ramp", .array(values.map(\.schema)))]
    return .object(ramp + (first == last ? [] : [("outside", first.schema)]))
  }
}

/// A part of tensors' names, as globs; one that has a layer's number in it means other names where layers are numbered
/// anew.
struct LayerFilter {
  let text: String
  /// What stands before the number of a layer, the number, and what stands after it.
  let number: (before: Substring, digits: Substring, after: Substring)?

  init(_ text: String) {
    self.text = text
    var start = text.startIndex
    var found: (Substring, Substring, Substring)?
    while found == nil, let digit = text[start...].firstIndex(where: { $0.isASCII && $0.isNumber }) {
      let end = text[digit...].firstIndex { !($0.isASCII && $0.isNumber) } ?? text.endIndex
      let before = text[..<digit]
      let after = text[end...]
      // A number within a word is none of a layer, nor is that of an expert.
      if before.isEmpty || before.hasSuffix("."), after.isEmpty || after.hasPrefix("."), !before.hasSuffix("experts.") {
        found = (before, text[digit..<end], after)
      }
      start = end
    }
    number = found
  }

  /// The globs that hold for the same tensors.
  ///
  /// - Parameter layers: the numbers that the layers had, which count from 0 now; `nil` where they have kept them.
  func globs(layers: Range<Int>?) -> [String] {
    guard let layers, let number else { return ["*\(text)*"] }
    let digits = String(number.digits)
    return layers.filter { layer in
      let layer = String(layer)
      switch (number.before.isEmpty, number.after.isEmpty) {
      case (false, false): return layer == digits
      case (false, true): return layer.hasPrefix(digits)
      case (true, false): return layer.hasSuffix(digits)
      case (true, true): return layer.contains(digits)
      }
    }.map { layer in
      let before = number.before.isEmpty ? "*." : "*\(number.before)"
      let after = number.after.isEmpty ? ".*" : "\(number.after)*"
      return "\(before)\(layer - layers.lowerBound)\(after)"
    }
  }
}
