internal import WeirIO
internal import WeirTensors

/// Reads the documents of a recipe as mergekit does: what it ignores without a word is a warning here.
struct RecipeReader {
  let problems: RecipeProblems

  /// The documents that could be understood.
  func recipes(_ documents: YAMLText.Documents) -> [Recipe] {
    for warning in documents.warnings { problems.warning(warning.message, at: warning.position) }
    if documents.roots.isEmpty {
      problems.error("the recipe is empty, expected 'merge_method'", at: Position(offset: 0, line: 1, column: 1))
    }
    let recipes = documents.roots.compactMap(recipe)
    checkNames(recipes)
    return recipes
  }

  private func checkNames(_ recipes: [Recipe]) {
    guard recipes.count > 1 else { return }
    var seen: Set<String> = []
    var hasUnnamed = false
    for recipe in recipes {
      guard let name = recipe.name else {
        if hasUnnamed {
          problems.error("a second document without a name, expected 'name' in all but one", at: recipe.position)
        }
        hasUnnamed = true
        continue
      }
      if !seen.insert(name.value).inserted {
        problems.error(
          "a second document named \(MessageText.quoted(name.value)), expected another name", at: name.position)
      }
    }
  }

  // MARK: - One document

  private static let keys = [
    "name", "merge_method", "base_model", "models", "slices", "modules", "parameters", "dtype", "out_dtype",
    "tokenizer_source", "tokenizer", "chat_template",
  ]
  private static let bodies = ["models", "slices", "modules"]

  private func recipe(_ root: YAMLValue) -> Recipe? {
    guard let fields = fields(root, "the recipe", Self.keys) else { return nil }
    let method = method(fields, root)
    let body = body(fields, root, "", method)
    let parameters = parameters(fields["parameters"], "", method, isModel: false)
    let recipe = Recipe(
      name: text(fields["name"], "'name'"), method: method ?? RecipeMethod.all[0],
      methodPosition: fields["merge_method"]?.position ?? root.position,
      baseModel: fields["base_model"].flatMap { self.model($0, "'base_model'") }, body: body ?? .models([]),
      parameters: parameters, dtype: dtype(fields["dtype"], "'dtype'"),
      outDType: dtype(fields["out_dtype"], "'out_dtype'"),
      chatTemplate: text(fields["chat_template"], "'chat_template'"), vocabulary: vocabulary(fields),
      position: root.position)
    if let name = recipe.name, ["note", ""].contains(name.value) {
      problems.error("'name' is \(MessageText.quoted(name.value)), expected another name", at: name.position)
    }
    return method == nil || body == nil ? nil : recipe
  }

  private func method(_ fields: [String: YAMLValue], _ root: YAMLValue) -> RecipeMethod? {
    guard let value = fields["merge_method"] else {
      if root.mapping?.contains(where: { $0.key == "experts" }) == true {
        problems.error(
          "a recipe of mergekit-moe, which is not read, expected 'merge_method' and models", at: root.position)
        return nil
      }
      problems.error("key 'merge_method' is missing, expected the name of a method", at: root.position)
      return nil
    }
    guard let name = value.scalar, !name.isNull else {
      problems.mismatch(value, "'merge_method'", expected: "the name of a method")
      return nil
    }
    if let method = RecipeMethod.named(name.text) { return method }
    let hint = Suggestion.phrase(for: name.text, in: RecipeMethod.names)
    problems.error(
      "'merge_method' is \(MessageText.quoted(name.text)), expected \(hint.isEmpty ? Wording.list(RecipeMethod.names) : "a method")\(hint)",
      at: value.position)
    return nil
  }

  /// The one of `models`, `slices` and `modules` that is there.
  private func body(
    _ fields: [String: YAMLValue], _ owner: YAMLValue, _ place: String, _ method: RecipeMethod?
  ) -> Recipe.Body? {
    let allowed = place.isEmpty ? Self.bodies : Array(Self.bodies.dropLast())
    let present = allowed.filter { fields[$0].map { !$0.isNull && $0.sequence?.isEmpty != true } ?? false }
    guard present.count == 1, let key = present.first, let value = fields[key] else {
      problems.error(
        present.isEmpty
          ? "\(place)a key is missing, expected \(Wording.list(allowed))"
          : "\(place)\(Wording.list(present, "and")) stand together, expected one of them; remove the other",
        at: owner.position)
      return nil
    }
    switch key {
    case "models":
      return list(value, "\(place)'models'").map {
        .models($0.enumerated().compactMap { source($1, "\(place)model \($0 + 1)", method) })
      }
    case "slices":
      return list(value, "\(place)'slices'").map {
        .slices($0.enumerated().compactMap { slice($1, "\(place)slice \($0 + 1)", method) })
      }
    default:
      guard let members = value.mapping, !members.isEmpty else {
        problems.mismatch(value, "'modules'", expected: "a mapping of names and modules")
        return nil
      }
      return .modules(members.compactMap { module($0, method) })
    }
  }

  private func module(_ member: YAMLMember, _ method: RecipeMethod?) -> RecipeModule? {
    let place = "module \(MessageText.quoted(member.key))"
    guard let fields = fields(member.value, place, ["models", "slices", "parameters"]),
      let body = body(fields, member.value, "\(place): ", method)
    else { return nil }
    return RecipeModule(
      name: Located(member.key, at: member.keyPosition), body: body,
      parameters: parameters(fields["parameters"], "\(place), ", method, isModel: false))
  }

  private func slice(_ value: YAMLValue, _ place: String, _ method: RecipeMethod?) -> RecipeSlice? {
    guard let fields = fields(value, place, ["sources", "base_model", "parameters", "residual_weight"]) else {
      return nil
    }
    if let residual = fields["residual_weight"], !residual.isNull {
      problems.warning("\(place): 'residual_weight' has no effect in mergekit, and none here", at: residual.position)
    }
    guard let list = fields["sources"] else {
      problems.error("\(place): key 'sources' is missing, expected a list of models and layers", at: value.position)
      return nil
    }
    let sources = self.list(list, "\(place), 'sources'") ?? []
    return RecipeSlice(
      sources: sources.enumerated().compactMap { source($1, "\(place), source \($0 + 1)", method, isSlice: true) },
      baseModel: fields["base_model"].flatMap { self.model($0, "\(place), 'base_model'") },
      parameters: parameters(fields["parameters"], "\(place), ", method, isModel: false), position: value.position)
  }

  private func source(
    _ value: YAMLValue, _ place: String, _ method: RecipeMethod?, isSlice: Bool = false
  ) -> RecipeSource? {
    let keys = ["model", "parameters"] + (isSlice ? ["layer_range"] : [])
    if let name = value.scalar, !name.isNull {
      problems.error(
        "\(place) is \(value.found), expected \(MessageText.quoted("- model: \(name.text)"))", at: value.position)
      return nil
    }
    guard let fields = fields(value, place, keys) else { return nil }
    guard let model = fields["model"] else {
      problems.error("\(place): key 'model' is missing, expected a path or a name", at: value.position)
      return nil
    }
    let parameters = parameters(fields["parameters"], "\(place), ", method, isModel: true)
    let layers = isSlice ? layers(fields["layer_range"], of: value, place) : nil
    guard let reference = self.model(model, "\(place), 'model'"), layers != nil || !isSlice else { return nil }
    return RecipeSource(model: reference, layers: layers, parameters: parameters)
  }

  private func layers(_ value: YAMLValue?, of owner: YAMLValue, _ place: String) -> Located<Range<Int>>? {
    let expected = "[first, end] with 0 ≤ first < end"
    guard let value else {
      problems.error("\(place): key 'layer_range' is missing, expected \(expected)", at: owner.position)
      return nil
    }
    let numbers = (value.sequence ?? []).map { $0.scalar?.number.flatMap { Int(exactly: $0) } }
    guard numbers.count == 2, let first = numbers[0], let end = numbers[1], first >= 0, first < end, end < 1_000_000
    else {
      let found = value.sequence.map { "[\($0.map(\.found).joined(separator: ", "))]" } ?? value.found
      problems.error("\(place): 'layer_range' is \(found), expected \(expected)", at: value.position)
      return nil
    }
    return Located(first..<end, at: value.position)
  }

  // MARK: - Small parts

  /// A reference to a model: a text, or a mapping of its parts.
  func model(_ value: YAMLValue, _ subject: String) -> ModelReference? {
    let expected = "'path', 'path@revision' or 'path+adapter'"
    if value.isNull { return subject.hasSuffix("'base_model'") ? nil : mismatched(value, subject, expected) }
    if let scalar = value.scalar {
      if let reference = ModelReference(scalar.text, at: value.position) { return reference }
      return mismatched(value, subject, expected)
    }
    guard value.mapping != nil, let fields = fields(value, subject, ["model", "lora", "override_architecture"]),
      let model = fields["model"].flatMap({ place($0, "\(subject), 'model'") })
    else { return mismatched(value, subject, expected) }
    if let architecture = fields["override_architecture"], !architecture.isNull {
      problems.warning(
        "\(subject): 'override_architecture' has no effect: tensors go by their names", at: architecture.position)
    }
    let adapter = fields["lora"].flatMap { $0.isNull ? nil : place($0, "\(subject), 'lora'") }
    return ModelReference(model: model, adapter: adapter, position: value.position)
  }

  private func mismatched(_ value: YAMLValue, _ subject: String, _ expected: String) -> ModelReference? {
    problems.mismatch(value, subject, expected: expected)
    return nil
  }

  /// `path@revision`, or a mapping of both.
  private func place(_ value: YAMLValue, _ subject: String) -> ModelReference.Place? {
    if let scalar = value.scalar { return ModelReference.Place(scalar.text) }
    guard value.mapping != nil, let fields = fields(value, subject, ["path", "revision"]),
      let path = fields["path"]?.scalar?.text, !path.isEmpty
    else { return nil }
    let revision = fields["revision"]?.scalar.flatMap { $0.isNull ? nil : $0.text }
    return ModelReference.Place(path: path, revision: revision)
  }

  func text(_ value: YAMLValue?, _ subject: String) -> Located<String>? {
    guard let value, !value.isNull else { return nil }
    guard let text = value.scalar?.text else {
      problems.mismatch(value, subject, expected: "a text")
      return nil
    }
    return Located(text, at: value.position)
  }

  /// The name of a type, as pipelines spell it.
  private func dtype(_ value: YAMLValue?, _ subject: String) -> Located<String>? {
    guard let text = text(value, subject) else { return nil }
    let name = text.value.hasPrefix("torch.") ? String(text.value.dropFirst("torch.".count)) : text.value
    guard let dtype = [DType.f32, .f16, .bf16].first(where: { $0.torchName == name }) else {
      let words = ["float32", "float16", "bfloat16"]
      // The short names that pipelines and other tools have for them.
      let short = DType(outputName: name.lowercased().replacing("fp", with: "f"))?.torchName
      let hint = short.map { "; did you mean '\($0)'?" } ?? Suggestion.phrase(for: name, in: words)
      problems.error(
        "\(subject) is \(MessageText.quoted(text.value)), expected \(Wording.list(words))\(hint)", at: text.position)
      return nil
    }
    return Located(dtype.rawValue.lowercased(), at: text.position)
  }

  private func list(_ value: YAMLValue, _ subject: String) -> [YAMLValue]? {
    guard let elements = value.sequence, !elements.isEmpty else {
      problems.mismatch(value, subject, expected: "a list")
      return nil
    }
    return elements
  }

  /// The members of a mapping by name; keys that mean nothing are warned of.
  func fields(_ value: YAMLValue, _ subject: String, _ keys: [String]) -> [String: YAMLValue]? {
    guard let members = value.mapping else {
      problems.mismatch(value, subject, expected: "a mapping with \(Wording.list(Array(keys.prefix(3)), "and"))")
      return nil
    }
    var fields: [String: YAMLValue] = [:]
    for member in members {
      guard !keys.contains(member.key) else {
        fields[member.key] = member.value
        continue
      }
      // Such keys are where people keep what anchors name.
      guard !member.key.hasPrefix("."), !member.key.hasPrefix("x-") else { continue }
      let place = subject == "the recipe" ? "" : "\(subject): "
      problems.warning(
        "\(place)key \(MessageText.quoted(member.key)) is ignored, as mergekit ignores it\(hint(for: member.key, keys))",
        at: member.keyPosition)
    }
    return fields
  }

  /// What may have been meant by an unknown key: another, or a parameter that stands too far out.
  private func hint(for key: String, _ keys: [String]) -> String {
    let hint = Suggestion.phrase(for: key, in: keys)
    guard hint.isEmpty, keys.contains("parameters"),
      let name = Suggestion.nearest(to: key, in: RecipeMethod.parameterNames)
    else { return hint }
    return name == key ? "; expected it under 'parameters'" : "; did you mean '\(name)', under 'parameters'?"
  }
}
