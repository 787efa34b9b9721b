internal import WeirIO
internal import WeirOps

/// Reports coefficients where tensors belong, and the other way round.
struct SideChecker {
  let sources: [String: SourceSpec]
  /// The names of all nodes and sources.
  let names: Set<String>
  let reader: Reader

  /// Checks everything that a node reads.
  func check(_ node: NodeSpec) {
    let place = "node \(MessageText.quoted(node.name.name))"
    let named = node.sides
    for reference in node.references.dropLast(named.count) { checkTensors(reference, from: place) }
    for side in named {
      guard side.parameter.kind == .coefficients else {
        checkTensors(side.from, from: place)
        continue
      }
      let source = sources[side.from.name]
      guard source?.kind != .coefficients, names.contains(side.from.name) else { continue }
      reader.error(
        at: side.from.position.offset,
        "\(place): '\(side.parameter.name)' is \(MessageText.quoted(side.from.name)), \(source?.kindName ?? "a node"), "
          + "expected a source with 'coefficients'")
    }
  }

  /// Reports a name of coefficients where one of tensors is expected.
  func checkTensors(_ reference: Reference, from place: String) {
    guard let source = sources[reference.name], source.kind == .coefficients else { return }
    reader.error(
      at: reference.position.offset,
      "\(place) reads \(MessageText.quoted(reference.name)), \(source.kindName), expected a checkpoint, an archive or a node"
    )
  }
}

extension SourceSpec {
  /// What messages call it.
  var kindName: String {
    switch kind {
    case .checkpoint: space == .delta ? "a delta" : "a checkpoint"
    case .archive: "an archive"
    case .adapter: "an adapter"
    case .coefficients: "a file of coefficients"
    }
  }
}
