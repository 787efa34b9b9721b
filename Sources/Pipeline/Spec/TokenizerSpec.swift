/// The one vocabulary to which all models of a pipeline are brought.
public struct TokenizerSpec: Sendable {
  /// Where the tokens and their rows come from.
  public enum Origin: Sendable {
    /// The tokens of all models: the base's in their rows, then those that it lacks.
    case union
    /// The tokens of one source.
    case source(Reference)
  }

  /// Where the row of one token comes from, in models that lack the token, or in all.
  public struct Rule: Sendable {
    public enum Row: Sendable {
      case zero
      /// The row of the token of the same name.
      case same(Reference)
      case token(Reference, String)
      case row(Reference, Int)
    }

    public let token: String
    public let row: Row
    /// Whether models that have the token get the row, too.
    public let isForced: Bool
    public let position: Position
  }

  public let origin: Origin
  public let rules: [Rule]
  /// The number of rows is the smallest multiple of this that holds all tokens; `nil` keeps the rows of the origin.
  public let multiple: Int?
  public let position: Position

  /// The sources that it names.
  var references: [Reference] {
    var references = rules.compactMap { rule -> Reference? in
      switch rule.row {
      case .zero: nil
      case .same(let reference), .token(let reference, _), .row(let reference, _): reference
      }
    }
    if case .source(let reference) = origin { references.insert(reference, at: 0) }
    return references
  }
}
