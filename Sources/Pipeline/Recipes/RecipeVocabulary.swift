/// What a recipe says of the tokens of its result.
struct RecipeVocabulary: Sendable {
  enum Source: Sendable {
    case union
    /// The base's, or the first model's where there is no base.
    case base
    case model(ModelReference)
  }

  /// Where the row of one token comes from.
  struct Rule: Sendable {
    enum Row: Sendable {
      case zero
      /// The row that a model has for the token itself, for another one, or at a place.
      case model(ModelReference, token: String?, row: Int?)
    }

    let token: Located<String>
    let row: Row
    /// Whether models that have the token get the row, too.
    let isForced: Bool
  }

  let source: Source
  let rules: [Rule]
  /// Rows are a multiple of it; the tool's results have as many as tokens where nothing is said.
  let multiple: Int
  let position: Position
}
