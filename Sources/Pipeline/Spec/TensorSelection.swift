public import WeirTensors

/// Which tensors a node or an output takes, by name.
public struct TensorFilter: Hashable, Sendable {
  /// A name must match one of these; empty lets all names in.
  public let include: [Glob]
  /// A name that matches one of these is out, included or not.
  public let exclude: [Glob]

  public init(include: [Glob] = [], exclude: [Glob] = []) {
    self.include = include
    self.exclude = exclude
  }

  public static let all = TensorFilter()

  public func admits(_ name: String) -> Bool {
    (include.isEmpty || include.contains { $0.matches(name) }) && !exclude.contains { $0.matches(name) }
  }
}

/// A new name for the tensors that a glob matches: the k-th `*` of `to` takes the text of the k-th `*` of `from`.
public struct RenameRule: Hashable, Sendable {
  public let from: Glob
  public let to: String

  public init(from: Glob, to: String) {
    self.from = from
    self.to = to
  }

  /// The new name, or `nil` where the rule does not match.
  public func apply(_ name: String) -> String? {
    guard let captures = from.captures(name) else { return nil }
    let pieces = to.split(separator: "*", omittingEmptySubsequences: false)
    return pieces.enumerated().reduce(into: "") { result, piece in
      result += piece.element
      if piece.offset < pieces.count - 1, piece.offset < captures.count { result += captures[piece.offset] }
    }
  }
}

extension [RenameRule] {
  /// The name after the first rule that matches; unchanged where none does.
  public func apply(_ name: String) -> String {
    for rule in self {
      if let renamed = rule.apply(name) { return renamed }
    }
    return name
  }
}
