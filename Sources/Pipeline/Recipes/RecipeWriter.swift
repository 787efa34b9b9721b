internal import WeirIO

/// Writes recipes as one pipeline: every document is a node or a few, every model a source.
///
/// The values carry the recipe's offsets, so that what is wrong with the pipeline can be told of the recipe.
struct RecipeWriter {
  let problems: RecipeProblems
  let locator: ModelLocator
  let recipes: [Recipe]
  var names: SourceNames
  var graph: [JSONMember] = []
  /// The stacks of one part that cut runs of layers, by what they cut.
  var cuts: [String: String] = [:]
  /// What documents give, by their names.
  private var results: [String: Value] = [:]
  private var open: Set<String> = []

  /// Something that has been made: a source or node, or some of its layers.
  struct Value {
    let name: String
    let layers: Range<Int>?
    /// The model whose config it has.
    let lead: ModelReference
  }

  init(_ recipes: [Recipe], locator: ModelLocator, problems: RecipeProblems) {
    self.problems = problems
    self.locator = locator
    self.recipes = recipes
    names = SourceNames(reserved: Set(recipes.map { $0.name?.value ?? MadePipeline.node }))
  }

  /// The documents that no other one names: what is written.
  var ends: [Recipe] {
    let used = Set(recipes.flatMap(\.references).map(\.model.path))
    return recipes.filter { recipe in recipe.name.map { !used.contains($0.value) } ?? true }
  }

  /// The pipeline; `nil` after a report.
  ///
  /// - Parameter outputPath: where the result goes; a folder for all of several.
  mutating func pipeline(outputPath: String) -> JSONValue? {
    var outputs: [JSONValue] = []
    let ends = self.ends
    for recipe in recipes {
      guard let value = result(of: recipe) else { continue }
      guard ends.contains(where: { $0.position == recipe.position }) else {
        warnOfInner(recipe)
        continue
      }
      let place = ends.count == 1 ? outputPath : "\(outputPath)/\(recipe.name?.value ?? MadePipeline.node)"
      outputs.append(output(recipe, whole(value, of: recipe), to: place))
    }
    let vocabulary = self.vocabulary()
    guard problems.errors.isEmpty else { return nil }
    var members: [(String, JSONValue)] = [
      ("weir", .number(PipelineKeys.version)), ("sources", names.sources),
    ]
    if !graph.isEmpty { members.append(("graph", JSONValue(.object(graph)))) }
    if let vocabulary { members.append(("tokenizer", vocabulary)) }
    members.append(("outputs", .array(outputs)))
    return .object(members)
  }

  /// What a document in the middle says of an output that there is not.
  private func warnOfInner(_ recipe: Recipe) {
    for (key, text) in [
      ("dtype", recipe.dtype), ("out_dtype", recipe.outDType), ("chat_template", recipe.chatTemplate),
    ] {
      guard let text else { continue }
      problems.warning(
        "'\(key)' has no effect: the result of \(MessageText.quoted(recipe.name?.value ?? "")) goes unrounded to the "
          + "documents that name it, and is not written", at: text.position)
    }
  }

  private mutating func output(_ recipe: Recipe, _ value: Value, to place: String) -> JSONValue {
    let offset = recipe.position.mark
    var members: [(String, JSONValue)] = [("from", .string(value.name)), ("to", .string(place))]
    if let dtype = recipe.outDType ?? recipe.dtype {
      members.append(("dtype", JSONValue(.string(dtype.value), offset: dtype.position.mark)))
    }
    if let base = recipe.baseModel, !base.names(value.lead), let donor = self.value(of: base) {
      members.append(("donor", JSONValue(.string(donor.name), offset: base.position.mark)))
    }
    if let template = recipe.chatTemplate {
      members.append(("chat_template", JSONValue(.string(template.value), offset: template.position.mark)))
    }
    return JSONValue(JSONValue.object(members).content, offset: offset)
  }

  // MARK: - Documents

  /// What a document gives; `nil` after a report.
  private mutating func result(of recipe: Recipe) -> Value? {
    let name = recipe.name?.value ?? ""
    if let known = results[name] { return known }
    guard open.insert(name).inserted else {
      problems.error(
        "document \(MessageText.quoted(name)) needs its own result, expected documents without a cycle",
        at: recipe.name?.position ?? recipe.position)
      return nil
    }
    defer { open.remove(name) }
    let value: Value?
    switch recipe.body {
    case .models(let sources):
      value = merged(Group(recipe, sources: sources), as: node(recipe))
    case .slices(let slices): value = stacked(slices, Group(recipe, sources: []), as: node(recipe))
    case .modules(let modules): value = joined(modules, recipe)
    }
    results[name] = value
    return value
  }

  /// The name of a document's last node.
  func node(_ recipe: Recipe) -> String { recipe.name?.value ?? MadePipeline.node }

  /// The source or node that a reference names; `nil` after a report.
  mutating func value(of model: ModelReference) -> Value? {
    if let adapter = model.adapter { return adapted(model, by: adapter) }
    if let recipe = recipes.first(where: { $0.name?.value == model.model.path }) {
      guard let value = result(of: recipe) else { return nil }
      return Value(name: value.name, layers: value.layers, lead: value.lead)
    }
    switch locator.find(model.model) {
    case .found(let path):
      let name = names.name(of: path)
      names.mark(name, at: model.position.mark)
      return Value(name: name, layers: nil, lead: model)
    case .missing(let why):
      problems.error("model \(MessageText.quoted(model.model.text)): \(why)", at: model.position)
      return nil
    }
  }

  /// A model with an adapter on it, which is applied as it is read.
  private mutating func adapted(_ model: ModelReference, by adapter: ModelReference.Place) -> Value? {
    guard !recipes.contains(where: { $0.name?.value == model.model.path }) else {
      problems.error(
        "\(MessageText.quoted(model.text)): an adapter on a document's result, expected it on a model on the disk",
        at: model.position)
      return nil
    }
    guard let base = value(of: ModelReference(model: model.model, position: model.position)) else { return nil }
    switch locator.find(adapter) {
    case .found(let path) where AdapterFolder.isAdapter(path):
      let name = names.adapter(path, base: base.name)
      names.mark(name, at: model.position.mark)
      return Value(name: name, layers: nil, lead: model)
    case .found(let path):
      problems.error(
        "adapter \(MessageText.quoted(adapter.text)): \(MessageText.quoted(path)) holds none, expected a folder with "
          + "adapter_config.json", at: model.position)
    case .missing(let why):
      problems.error("adapter \(MessageText.quoted(adapter.text)): \(why)", at: model.position)
    }
    return nil
  }

  /// A value with all its layers: some of another's are cut out by a stack.
  mutating func whole(_ value: Value, of recipe: Recipe) -> Value {
    guard let layers = value.layers else { return value }
    let key = "\(value.name)-\(layers.lowerBound)-\(layers.upperBound)"
    if let name = cuts[key] { return Value(name: name, layers: nil, lead: value.lead) }
    let name = names.reserve(key)
    cuts[key] = name
    add(
      name, [("op", .string("stack")), ("parts", .array([part(value.name, layers, at: value.lead.position)]))],
      at: value.lead.position)
    return Value(name: name, layers: nil, lead: value.lead)
  }

  func part(_ name: String, _ layers: Range<Int>, at position: Position) -> JSONValue {
    let range = JSONValue.array([.number(layers.lowerBound), .number(layers.upperBound)])
    let members: [(String, JSONValue)] = [("from", .string(name)), ("layers", range)]
    return JSONValue(JSONValue.object(members).content, offset: position.mark)
  }

  mutating func add(_ name: String, _ members: [(String, JSONValue)], at position: Position) {
    graph.append(JSONMember(key: name, value: .object(members), keyOffset: position.mark))
  }
}

extension Recipe {
  /// Every model that it names.
  var references: [ModelReference] { (baseModel.map { [$0] } ?? []) + body.references }
}

extension Recipe.Body {
  var references: [ModelReference] {
    switch self {
    case .models(let sources): sources.map(\.model)
    case .slices(let slices): slices.flatMap { ($0.baseModel.map { [$0] } ?? []) + $0.sources.map(\.model) }
    case .modules(let modules): modules.flatMap(\.body.references)
    }
  }
}
