internal import WeirIO

extension RecipeWriter {
  /// Merges the parts of a model one after another: each node takes what the one before it gave, and changes its own
  /// tensors; `nil` after a report.
  mutating func joined(_ modules: [RecipeModule], _ recipe: Recipe) -> Value? {
    let sliced = modules.filter { if case .slices = $0.body { true } else { false } }
    if sliced.count > 1 {
      problems.error(
        "module \(MessageText.quoted(sliced[1].name.value)): slices in a second module, expected them in one; "
          + "write the others as 'models'", at: sliced[1].name.position)
      return nil
    }
    // Layers are laid anew first, so that all that follows sees them.
    let ordered = sliced + modules.filter { if case .models = $0.body { true } else { false } }
    var value: Value?
    for (number, module) in ordered.enumerated() {
      let isLast = number == ordered.count - 1
      let name =
        isLast ? node(recipe) : names.reserve("\(recipe.name.map { "\($0.value)-" } ?? "")\(module.name.value)")
      let globs = RecipeModuleNames.globs(
        of: module.name.value, others: modules.map(\.name.value).filter { $0 != module.name.value })
      switch module.body {
      case .slices(let slices):
        var group = Group(recipe, sources: [], module: module)
        group.place = "module \(MessageText.quoted(module.name.value)), "
        value = stacked(slices, group, as: name)
      case .models(let sources):
        var group = Group(recipe, sources: sources, module: module)
        group.place = "module \(MessageText.quoted(module.name.value)): "
        group.selection = [("include", globs.include), ("exclude", globs.exclude)].filter { !$0.1.isEmpty }
        group.previous = value
        value = merged(group, as: name)
      case .modules: return nil
      }
      guard value != nil else { return nil }
    }
    return value
  }

  /// Takes the tensors of a module from a model as they are, and all others from what was made before.
  mutating func taken(_ value: Value, _ group: Group, as name: String) -> Value {
    guard let previous = group.previous, previous.name != value.name else { return value }
    var members: [(String, JSONValue)] = [
      ("op", .string("lerp")), ("base", .string(previous.name)), ("models", .array([.string(value.name)])),
      ("t", .number(1)),
    ]
    members += group.selectionMembers
    add(name, members, at: group.position)
    return Value(name: name, layers: nil, lead: previous.lead)
  }
}
