internal import WeirIO
internal import WeirOps

/// Settles what archives apply to, those that are read and those that are made, and reports what they cannot apply to.
struct BaseChecker {
  let sources: [String: SourceSpec]
  /// The names of all sources, those that were refused included.
  let sourceNames: [String]
  let nodes: [String: NodeSpec]
  /// The spaces of everything that is known to have one.
  let spaces: [String: Space]
  let reader: Reader

  /// Reports the base of an archive among the sources if it is none.
  func check(_ source: SourceSpec) {
    guard let base = source.base else { return }
    _ = isBase(base, of: "source \(MessageText.quoted(source.name.name))")
  }

  /// The outputs with the bases that they leave to be told from what they are made of.
  func settled(_ outputs: [OutputSpec]) -> [OutputSpec] {
    outputs.enumerated().map { number, output in
      guard var archive = output.archive else { return output }
      archive.base = base(of: archive, output, at: "output \(number + 1)")
      var settled = output
      settled.archive = archive
      return settled
    }
  }

  private func base(of archive: ArchiveSpec, _ output: OutputSpec, at place: String) -> Reference? {
    if let base = archive.base {
      if base.name == output.from.name {
        reader.error(
          at: base.position.offset,
          "\(place): 'from' and 'base' are both \(MessageText.quoted(base.name)), expected the model and what it was "
            + "made from")
        return nil
      }
      return isBase(base, of: place) ? base : nil
    }
    guard !archive.hasBadBase else { return nil }
    let from = output.from.name
    if spaces[from] == .weight {
      if let base = sources[from]?.base { return base }
      reader.error(
        at: output.from.position.offset,
        "\(place): \(MessageText.quoted(from)) is a weight, expected a 'base' to compare it with, or a delta; name the "
          + "model that it was made from in \"base\"")
      return nil
    }
    return subtrahend(of: from, output)
  }

  /// What a delta was taken from, where it is the difference of two models and its tensors are called as there.
  private func subtrahend(of name: String, _ output: OutputSpec) -> Reference? {
    guard let node = nodes[name], node.declaration.signature == .difference, node.models.count == 2,
      node.rename.isEmpty, output.rename.isEmpty, let source = sources[node.models[1].from.name],
      source.kind == .checkpoint, source.space == .weight
    else { return nil }
    return source.name
  }

  /// Whether an archive can apply to what a name stands for.
  private func isBase(_ base: Reference, of place: String) -> Bool {
    let name = MessageText.quoted(base.name)
    let found: String
    if let source = sources[base.name] {
      guard source.kind != .checkpoint || source.space == .delta else { return true }
      found = source.kindName
    } else if nodes[base.name] != nil {
      found = "a node"
    } else {
      // What was refused where it stands needs no second complaint.
      guard !sourceNames.contains(base.name) else { return false }
      let hint = reader.hint(for: base.name, in: sourceNames)
      reader.error(
        at: base.position.offset,
        "\(place): 'base' is \(name), which is no source, expected a checkpoint from 'sources'\(hint)")
      return false
    }
    reader.error(
      at: base.position.offset,
      "\(place): 'base' is \(name), \(found), expected a checkpoint of weights from 'sources'")
    return false
  }
}
