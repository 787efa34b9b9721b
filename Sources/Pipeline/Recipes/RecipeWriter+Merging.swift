internal import WeirIO
internal import WeirOps

extension RecipeWriter {
  /// What is merged into one node, and the parameters that hold for all of it.
  struct Group {
    let recipe: Recipe
    let sources: [RecipeSource]
    var slice: RecipeSlice?
    var module: RecipeModule?
    /// The first layer of the output that it gives, and how many they are; `nil` for whole models.
    var layers: Range<Int>?
    /// How messages call it: `slice 2: `.
    var place = ""
    /// The globs of the tensors that it merges, where they are not all.
    var selection: [(String, [String])] = []
    /// What has been made of the other parts of the model.
    var previous: Value?

    init(_ recipe: Recipe, sources: [RecipeSource], slice: RecipeSlice? = nil, module: RecipeModule? = nil) {
      self.recipe = recipe
      self.sources = sources
      self.slice = slice
      self.module = module
    }

    var method: RecipeMethod { recipe.method }
    var baseModel: ModelReference? { slice?.baseModel ?? recipe.baseModel }
    var position: Position { slice?.position ?? module?.name.position ?? recipe.methodPosition }

    var selectionMembers: [(String, JSONValue)] { selection.map { ($0, .array($1.map { .string($0) })) } }

    /// Parameters that hold for all models, the nearest first.
    var shared: [RecipeParameters] {
      [slice?.parameters, module?.parameters, recipe.parameters].compactMap { $0 }
    }
  }

  /// One model of a group, once, with all that its entries say.
  struct Input {
    let model: ModelReference
    var layers: Located<Range<Int>>?
    var parameters: [RecipeParameters]
    var isBase: Bool
  }

  /// Merges a group; `nil` after a report.
  mutating func merged(_ group: Group, as name: String) -> Value? {
    let inputs = inputs(of: group)
    guard checkLayers(inputs, group) else { return nil }
    let base = inputs.first(where: \.isBase)
    let others = inputs.filter { !$0.isBase }
    let method = group.method
    let models: [Input]
    switch method.base {
    case .required:
      guard let base else {
        if method.handsOnOne || method.models == 1...1, inputs.count == 1 {
          return handedOn(inputs[0], group, as: name)
        }
        return missingBase(group)
      }
      guard !others.isEmpty else { return handedOn(base, group, as: name) }
      models = others
    case .optional:
      if let named = group.baseModel, base == nil, method.name == "nuslerp", inputs.count > 1 {
        problems.error(
          "\(group.place)'base_model' \(MessageText.quoted(named.text)) is not among the sources, expected it there",
          at: group.position)
        return nil
      }
      models = others.isEmpty ? inputs : others
    case .model: models = inputs
    case .weighed: models = inputs.filter { !$0.isBase || isWeighed($0, group) }
    case .none: models = others.isEmpty ? inputs : others
    }
    if models.count == 1, method.handsOnOne, method.models.lowerBound > 1 {
      return handedOn(models[0], group, as: name)
    }
    guard method.models.contains(models.count) else {
      problems.error(
        "\(group.place)'\(method.name)' merges \(Wording.count(models.count, "model"))"
          + "\(base != nil && method.base != .model ? " beside the base" : ""), "
          + "expected \(Wording.count(method.models, "model"))", at: group.position)
      return nil
    }
    if method.name == "passthrough", !isGiven("scale", models[0], group) { return handedOn(models[0], group, as: name) }
    return node(group, base: method.base.isLead ? base : nil, models, as: name)
  }

  private func missingBase(_ group: Group) -> Value? {
    let method = group.method.name
    problems.error(
      group.baseModel.map {
        "\(group.place)'\(method)' needs its base, expected 'base_model' \(MessageText.quoted($0.text)) among the sources"
      } ?? "\(group.place)'\(method)' needs a base, expected 'base_model'", at: group.position)
    return nil
  }

  /// The models of a group in order, each once; the base is one of them even where only `base_model` names it.
  private func inputs(of group: Group) -> [Input] {
    var inputs: [Input] = []
    for source in group.sources {
      if let place = inputs.firstIndex(where: { $0.model.names(source.model) }) {
        problems.warning(
          "\(group.place)\(MessageText.quoted(source.model.text)) is named twice; mergekit takes it once, with the layers "
            + "of the last and the parameters of the first, and so does this", at: source.model.position)
        inputs[place].layers = source.layers
        inputs[place].parameters.append(source.parameters)
      } else {
        inputs.append(
          Input(
            model: source.model, layers: source.layers, parameters: [source.parameters],
            isBase: source.model.names(group.baseModel)))
      }
    }
    if let base = group.baseModel, group.slice == nil, !inputs.contains(where: \.isBase) {
      inputs.append(Input(model: base, layers: nil, parameters: [], isBase: true))
    }
    return inputs
  }

  private func checkLayers(_ inputs: [Input], _ group: Group) -> Bool {
    let counts = inputs.compactMap { $0.layers?.value.count }
    guard let first = counts.first, let other = counts.first(where: { $0 != first }) else { return true }
    problems.error(
      "\(group.place)its sources have \(first) and \(other) layers, expected equally many", at: group.position)
    return false
  }

  /// Whether a weight is given for a base, so that it is merged like the others.
  private func isWeighed(_ base: Input, _ group: Group) -> Bool {
    guard isGiven("weight", base, group) else { return false }
    if base.parameters.isEmpty {
      problems.warning(
        "'base_model' \(MessageText.quoted(base.model.text)) is no entry of 'models', and is merged all the same: the "
          + "weight of all models is its weight, too, as in mergekit", at: base.model.position)
    }
    return true
  }

  func isGiven(_ name: String, _ input: Input, _ group: Group) -> Bool {
    (input.parameters + group.shared).contains { $0[name] != nil }
  }

  /// One model that is not changed.
  private mutating func handedOn(_ input: Input, _ group: Group, as name: String) -> Value? {
    guard let value = value(of: input.model) else { return nil }
    return taken(
      Value(name: value.name, layers: input.layers?.value ?? value.layers, lead: input.model), group, as: name)
  }

  // MARK: - Nodes

  private mutating func node(_ group: Group, base: Input?, _ models: [Input], as name: String) -> Value? {
    let method = group.method
    guard let declaration = Operations.named(method.op) else {
      problems.error("'\(method.name)' is not among the methods of this version", at: group.recipe.methodPosition)
      return nil
    }
    var members: [(String, JSONValue)] = [("op", .string(method.op))]
    if let base {
      guard let reference = reference(base, group) else { return nil }
      members.append(("base", reference))
    }
    var entries: [JSONValue] = []
    for model in models {
      guard let reference = reference(model, group) else { continue }
      let own = method.parameters.filter(\.isPerModel).compactMap { parameter in
        self.own(parameter, of: model, group, declaration)
      }
      entries.append(
        own.isEmpty
          ? reference : JSONValue(JSONValue.object([("from", reference)] + own).content, offset: reference.offset))
    }
    guard entries.count == models.count else { return nil }
    warnOfEmptyMasks(models, group)
    members.append(("models", .array(entries)))
    for parameter in method.parameters {
      if let value = shared(parameter, models, group, declaration) { members.append((value.0, value.1)) }
    }
    for (key, value) in method.fixed where declaration[parameter: key] != nil { members.append((key, value)) }
    let lead = base?.model ?? models[0].model
    guard group.previous != nil else {
      add(name, members + group.selectionMembers, at: group.position)
      return Value(name: name, layers: nil, lead: lead)
    }
    // The parts of a model are merged alone, and put into what the others gave.
    let part = names.reserve("\(name)-part")
    add(part, members + group.selectionMembers, at: group.position)
    return taken(Value(name: part, layers: nil, lead: lead), group, as: name)
  }

  /// Warns where the tool's breadcrumbs lose a whole task vector, for the numbers are its own.
  private func warnOfEmptyMasks(_ models: [Input], _ group: Group) {
    guard group.method[parameter: "gamma"] != nil else { return }
    let settings = (models.flatMap(\.parameters) + group.shared).compactMap { $0["gamma"] }
    for setting in settings where setting.entries.contains(where: { $0.values.contains(0) }) {
      problems.warning(
        "'gamma' is 0: mergekit then drops the whole task vector, and so does this recipe; in a pipeline, "
          + "\"variant\": \"mergekit\" keeps it", at: setting.position)
    }
  }

  /// The name of a group's model, with its layers cut out where only some are meant.
  private mutating func reference(_ input: Input, _ group: Group) -> JSONValue? {
    guard let value = value(of: input.model) else { return nil }
    var whole = self.whole(value, of: group.recipe)
    if let layers = input.layers {
      whole = self.whole(Value(name: whole.name, layers: layers.value, lead: input.model), of: group.recipe)
    }
    return JSONValue(.string(whole.name), offset: input.model.position.mark)
  }

  // MARK: - Slices

  /// Lays slices on one another; `nil` after a report.
  mutating func stacked(_ slices: [RecipeSlice], _ whole: Group, as name: String) -> Value? {
    var parts: [Value] = []
    var first = 0
    for (number, slice) in slices.enumerated() {
      guard let count = slice.sources.first?.layers?.value.count else { continue }
      var group = Group(whole.recipe, sources: slice.sources, slice: slice, module: whole.module)
      group.place = "\(whole.place)slice \(number + 1): "
      group.layers = first..<(first + count)
      let isOnly = slices.count == 1
      let node = isOnly ? name : names.reserve("\(name == MadePipeline.node ? "" : "\(name)-")slice-\(number + 1)")
      guard let value = merged(group, as: node) else { continue }
      parts.append(value.layers == nil ? Value(name: value.name, layers: 0..<count, lead: value.lead) : value)
      first += count
    }
    guard parts.count == slices.count, let lead = parts.first else { return nil }
    if parts.count == 1, lead.name == name { return Value(name: name, layers: nil, lead: lead.lead) }
    let entries = zip(parts, slices).map { value, slice in part(value.name, value.layers ?? 0..<1, at: slice.position) }
    add(name, [("op", .string("stack")), ("parts", .array(entries))], at: whole.recipe.methodPosition)
    return Value(name: name, layers: nil, lead: lead.lead)
  }
}

extension RecipeMethod.Base {
  /// Whether the base stands before the models in a node.
  fileprivate var isLead: Bool {
    switch self {
    case .required, .optional: true
    case .model, .weighed, .none: false
    }
  }
}
