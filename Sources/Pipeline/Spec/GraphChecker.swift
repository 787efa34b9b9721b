internal import WeirIO

/// Follows every reference of a pipeline: unknown names, cycles, what is unused, the order of work, spaces.
struct GraphChecker {
  private let reader: Reader
  private let outputs: [OutputSpec]
  private let sourceEntries: [Named<SourceSpec>]
  private let nodeEntries: [Named<NodeSpec>]
  private let sources: [String: SourceSpec]
  private let nodes: [String: NodeSpec]
  private let names: Set<String>

  private enum Mark { case open, done }
  private var marks: [String: Mark] = [:]
  /// A node that is being visited, and what of its references is still to be followed.
  private struct Frame {
    let node: NodeSpec
    var unread: ArraySlice<Reference>
  }
  private var stack: [Frame] = []
  private var order: [NodeSpec] = []
  /// The spaces that are known.
  private var spaces: [String: Space] = [:]
  /// How many nodes lie one above the other up to and with each node.
  private var depths: [String: Int] = [:]
  /// The deepest node that is taken: expressions are worked through by recursion, on the small stacks of threads.
  private static let deepest = 500

  init(sources: [Named<SourceSpec>], nodes: [Named<NodeSpec>], outputs: [OutputSpec], reader: Reader) {
    self.reader = reader
    self.outputs = outputs
    sourceEntries = sources
    nodeEntries = nodes
    self.sources = Dictionary(sources.compactMap { entry in entry.value.map { (entry.name.name, $0) } }) { $1 }
    self.nodes = Dictionary(nodes.compactMap { entry in entry.value.map { (entry.name.name, $0) } }) { $1 }
    names = Set(nodes.map(\.name.name) + sources.map(\.name.name))
    spaces = self.sources.mapValues(\.space)
  }

  private var sides: SideChecker { SideChecker(sources: sources, names: names, reader: reader) }

  /// Reports all that is wrong; returns what the outputs need, each node after all that it reads.
  mutating func check(_ tokenizer: TokenizerSpec?) -> (sources: [SourceSpec], nodes: [NodeSpec], outputs: [OutputSpec])
  {
    reportSharedNames()
    for (number, output) in outputs.enumerated() {
      if checks(output.from, from: "output \(number + 1)") { visit(output.from.name) }
      sides.checkTensors(output.from, from: "output \(number + 1)")
      guard let donor = output.donor else { continue }
      if checks(donor, from: "output \(number + 1)") { visit(donor.name) }
      sides.checkTensors(donor, from: "output \(number + 1)")
    }
    let needed = order
    let bases = BaseChecker(
      sources: sources, sourceNames: sourceEntries.map(\.name.name), nodes: nodes, spaces: spaces, reader: reader)
    let settled = bases.settled(outputs)
    for base in settled.compactMap({ $0.archive?.base }) { enter(base.name) }
    if let tokenizer { check(tokenizer, settled) }
    let used = Set(marks.keys)
    for source in sourceEntries.compactMap(\.value) { bases.check(source) }
    for entry in nodeEntries { visit(entry.name.name) }
    reportUnused(used)
    return (sourceEntries.compactMap(\.value).filter { used.contains($0.name.name) }, updated(needed), settled)
  }

  /// The same nodes with the spaces that have been worked out.
  private func updated(_ nodes: [NodeSpec]) -> [NodeSpec] {
    nodes.map { node in
      var node = node
      node.space = spaces[node.name.name] ?? .weight
      return node
    }
  }

  /// Reports what a vocabulary names that is no source, and outputs that it cannot be for.
  private mutating func check(_ tokenizer: TokenizerSpec, _ outputs: [OutputSpec]) {
    for reference in tokenizer.references {
      guard let source = sources[reference.name] else {
        reader.error(
          at: reference.position.offset,
          "'tokenizer' names \(MessageText.quoted(reference.name)), which is no source, expected one from 'sources'"
            + (reference.name == TokenizerKeys.union ? "" : reader.hint(for: reference.name, in: sources.keys.sorted()))
        )
        continue
      }
      guard source.kind != .coefficients else {
        reader.error(
          at: reference.position.offset,
          "'tokenizer' names \(MessageText.quoted(reference.name)), \(source.kindName), expected a model")
        continue
      }
      enter(reference.name)
    }
    if let source = sources[TokenizerKeys.union] {
      reader.error(
        at: source.name.position.offset,
        "source 'union' has the word that 'tokenizer' keeps for the tokens of all models, expected another name; rename it"
      )
    }
    for (number, output) in outputs.enumerated() where output.archive != nil {
      reader.error(
        at: output.position.offset,
        "output \(number + 1) is an archive, which cannot apply to a base of another vocabulary, expected no 'tokenizer'; "
          + "write the model first, and compress it then")
    }
  }

  private func reportSharedNames() {
    let sources = Set(sourceEntries.map(\.name.name))
    for entry in nodeEntries where sources.contains(entry.name.name) {
      reader.error(
        at: entry.name.position.offset,
        "node \(MessageText.quoted(entry.name.name)) has the name of a source, expected a name of its own; rename one")
    }
  }

  private func reportUnused(_ used: Set<String>) {
    for (entries, noun) in [(nodeEntries.map(\.name), "node"), (sourceEntries.map(\.name), "source")] {
      for name in entries where !used.contains(name.name) {
        reader.warning(
          at: name.position.offset, "\(noun) \(MessageText.quoted(name.name)) is not used by any output; remove it")
      }
    }
  }

  // MARK: Order

  /// Visits what a name stands for and all that it reads, each node after what it reads itself.
  ///
  /// A stack of its own keeps a graph of any depth off the thread's.
  private mutating func visit(_ name: String) {
    enter(name)
    while let frame = stack.last {
      if let reference = frame.unread.first {
        stack[stack.count - 1].unread.removeFirst()
        if checks(reference, from: "node \(MessageText.quoted(frame.node.name.name))") { enter(reference.name) }
      } else {
        stack.removeLast()
        marks[frame.node.name.name] = .done
        order.append(frame.node)
        measure(frame.node)
        sides.check(frame.node)
        let space = SpaceChecker(node: frame.node, spaces: spaces, reader: reader).result()
        spaces[frame.node.name.name] = space
      }
    }
  }

  /// Works out how deep a node lies, and reports the first of a chain that lies too deep.
  private mutating func measure(_ node: NodeSpec) {
    let depth = 1 + (node.references.map { depths[$0.name] ?? 0 }.max() ?? 0)
    depths[node.name.name] = depth
    guard depth == Self.deepest + 1 else { return }
    reader.error(
      at: node.name.position.offset,
      "node \(MessageText.quoted(node.name.name)) lies \(depth) nodes deep, expected at most \(Self.deepest); "
        + "split the pipeline in two")
  }

  private mutating func enter(_ name: String) {
    guard marks[name] == nil else { return }
    guard let node = nodes[name] else {
      marks[name] = .done
      // An archive is nothing without the source that it applies to.
      if let base = sources[name]?.base, marks[base.name] == nil { marks[base.name] = .done }
      return
    }
    marks[name] = .open
    stack.append(Frame(node: node, unread: node.references[...]))
  }

  /// Whether a reference leads somewhere, and not back to where it came from.
  private func checks(_ reference: Reference, from place: String) -> Bool {
    guard names.contains(reference.name) else {
      let known = listedNames
      let hint = reader.hint(for: reference.name, in: known)
      let expected = known.isEmpty ? "a name from 'sources' or 'graph'" : Wording.list(Array(known.prefix(8)))
      reader.error(
        at: reference.position.offset,
        "\(place) reads \(MessageText.quoted(reference.name)), which no node or source produces"
          + (hint.isEmpty ? ", expected \(expected)" : hint))
      return false
    }
    guard marks[reference.name] == .open else { return true }
    let path = stack.map(\.node.name.name)
    let cycle = path.suffix(from: path.firstIndex(of: reference.name) ?? 0) + [reference.name]
    reader.error(
      at: reference.position.offset,
      cycle.count == 2
        ? "\(place) reads itself, expected another node or a source"
        : "\(place) closes the cycle \(cycle.map(MessageText.quoted).joined(separator: " → ")), "
          + "expected a graph without cycles; break one link")
    return false
  }

  /// The names that a message may propose, not without end.
  private var listedNames: [String] {
    Array((nodeEntries.map(\.name.name) + sourceEntries.map(\.name.name)).prefix(500))
  }
}
