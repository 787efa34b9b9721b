/// Which tensors the modules of recipes are, by their names alone.
///
/// The tool has a table of architectures for it; the names that it gives modules are few, and what they stand for begins
/// with few words.
enum RecipeModuleNames {
  private static let projectors = ["multi_modal_projector.*", "visual.merger.*"]

  /// Modules whose tensors do not begin with the module's own name.
  private static let known: [String: [String]] = [
    "text_decoder": ["language_model.*", "layers.*", "embed_tokens.*", "norm.*", "lm_head.*"],
    "vision_tower": ["vision_tower.*", "vision_model.*", "visual.*"],
    "vision_model": ["vision_model.*", "vision_tower.*", "visual.*"],
    "multi_modal_projector": projectors,
    "shared": ["shared.*", "lm_head.*"],
  ]

  /// The globs of a module's tensors, and of those that are another's all the same.
  ///
  /// - Parameter others: the other modules of the recipe; `default` is what is none of theirs.
  static func globs(of module: String, others: [String]) -> (include: [String], exclude: [String]) {
    guard module != "default" else { return ([], others.flatMap { globs(of: $0, others: []).include }) }
    // A module that was inferred is called by the whole beginning of its tensors' names.
    let own = known[module] ?? ["\(module).*"]
    let include = own.flatMap { $0.hasPrefix("model.") ? [$0] : [$0, "model.\($0)"] }
    let isVision = own.contains("visual.*")
    return (include, isVision ? ["visual.merger.*", "model.visual.merger.*"] : [])
  }
}
