internal import WeirIO
internal import WeirTensors

/// Finds the models of a recipe on this machine.
struct ModelLocator {
  /// The recipe's folder, with a slash at its end; empty for the working directory.
  let folder: String
  let cache: ModelCache

  /// Where a model is, or why it is nowhere.
  enum Answer {
    case found(String)
    case missing(String)
  }

  /// The path of a model: beside the recipe, from the working directory, or in the cache.
  func find(_ place: ModelReference.Place) -> Answer {
    let path = place.path
    if path.hasPrefix("/") { return ModelCache.exists(path) ? .found(path) : .missing("nothing is there") }
    let places = folder.isEmpty || folder == "./" ? [path] : [folder + path, path]
    if let found = places.first(where: ModelCache.exists) { return .found(found) }
    let looked = places.map { MessageText.quoted($0) }.joined(separator: " and ")
    switch cache.find(path, revision: place.revision) {
    case .found(let folder): return .found(folder)
    case .otherRevisions(let names):
      let wanted = place.revision.map { "revision \(MessageText.quoted($0))" } ?? "'main'"
      let list = names.prefix(5).map { MessageText.quoted($0) }.joined(separator: ", ")
      return .missing("the model cache \(MessageText.quoted(cache.folder)) has no \(wanted) of it, only \(list)")
    case .absent:
      return .missing(
        "nothing is at \(looked), and the model cache \(MessageText.quoted(cache.folder)) does not have it; "
          + "download it first, or give its folder\(Suggestion.phrase(for: path, in: neighbours(path, places)))")
    }
  }

  /// What stands where a model was looked for, and the models in the cache, by names as a recipe has them.
  private func neighbours(_ path: String, _ places: [String]) -> [String] {
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let beside = places.flatMap { place in
      ModelCache.names(in: place.lastIndex(of: "/").map { String(place[...$0]) } ?? ".").map { parent + $0 }
    }
    return beside + cache.models
  }
}
