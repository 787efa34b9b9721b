internal import WeirIO
internal import WeirOps

/// Works out whether a node's result is a weight or a delta, and reports inputs of the wrong kind.
struct SpaceChecker {
  let node: NodeSpec
  /// The spaces of everything that is known to have one.
  let spaces: [String: Space]
  let reader: Reader

  /// The space of the result; `nil` where an input's space is unknown or wrong, which has then been reported.
  func result() -> Space? {
    let inputs = node.models.map(\.from) + node.parts.map(\.from)
    switch node.declaration.signature {
    case .uniform: return uniform((node.base.map { [$0] } ?? []) + inputs)
    case .selection: return uniform(inputs.suffix(2))
    case .taskVectors: return taskVectors(inputs)
    case .difference: return difference(inputs)
    case .sum: return sum(inputs)
    }
  }

  /// The space that all inputs share.
  private func uniform(_ inputs: [Reference]) -> Space? {
    let known = inputs.filter { spaces[$0.name] != nil }
    guard let first = known.first, let space = spaces[first.name] else { return nil }
    var agrees = true
    for input in known where spaces[input.name] != space {
      agrees = false
      report(input, expected: "a \(space.rawValue) like \(MessageText.quoted(first.name))")
    }
    return agrees && known.count == inputs.count ? space : nil
  }

  private func taskVectors(_ models: [Reference]) -> Space? {
    if let base = node.base {
      guard spaces[base.name] != .delta else {
        report(base, expected: "a weight as 'base'")
        return .weight
      }
      return .weight
    }
    for model in models where spaces[model.name] == .weight {
      report(model, expected: "a delta; give the node a 'base', or subtract one before")
    }
    return .delta
  }

  /// weight − weight and delta − delta are deltas, weight − delta is a weight, delta − weight is nothing.
  private func difference(_ inputs: [Reference]) -> Space? {
    guard let first = inputs.first, var space = spaces[first.name] else { return nil }
    for input in inputs.dropFirst() {
      guard let other = spaces[input.name] else { return nil }
      switch (space, other) {
      case (.weight, .weight), (.delta, .delta): space = .delta
      case (.weight, .delta): space = .weight
      case (.delta, .weight):
        report(input, expected: "a delta, as it is taken from a delta; swap the inputs")
        return nil
      }
    }
    return space
  }

  /// At most one weight, then deltas.
  private func sum(_ inputs: [Reference]) -> Space? {
    let weights = inputs.filter { spaces[$0.name] == .weight }
    for weight in weights.dropFirst() {
      report(
        weight,
        expected: "a delta, as \(MessageText.quoted(weights[0].name)) is a weight already; use 'mean' for an average, "
          + "or subtract a base")
    }
    guard inputs.allSatisfy({ spaces[$0.name] != nil }) else { return nil }
    return weights.isEmpty ? .delta : .weight
  }

  private func report(_ input: Reference, expected: String) {
    let found = spaces[input.name]?.rawValue ?? "value"
    reader.error(
      at: input.position.offset,
      "node \(MessageText.quoted(node.name.name)): \(MessageText.quoted(input.name)) is a \(found), "
        + "expected \(expected)")
  }
}
