/// The tokens of a tokenizer and the rows that they have, as its files say.
public struct Vocabulary: Sendable {
  /// A token that is matched before the text is split.
  public struct Added: Sendable {
    public let content: String
    public let row: Int
    /// The entry of `added_tokens`: how it is matched.
    public let entry: JSONValue
  }

  /// The row of each token, added ones included.
  public let rows: [String: Int]
  /// Ascending by row.
  public let added: [Added]
  /// How a text is split: `BPE`, `Unigram`, `WordPiece`, `WordLevel`; `nil` where no `tokenizer.json` says it.
  public let model: String?
  /// The highest row and one.
  public let rowCount: Int
  /// The file that the tokens were read from.
  public let path: String

  /// The most tokens, and the highest row, that are taken.
  private static let mostTokens = 1 << 23
  private static let highestRow = 1 << 31

  /// Reads `tokenizer.json`, or else `vocab.json` with `added_tokens.json`.
  ///
  /// - Parameters:
  ///   - folder: what errors call the folder.
  ///   - file: gives the bytes of a file by its name; throws `notFound` where there is none.
  /// - Returns: `nil` where there is none of these files.
  /// - Throws: ``CheckpointError`` where one is no tokenizer, gives two tokens one row, or is of a kind that is not read.
  public static func read(
    _ folder: String, _ file: (String) throws(CheckpointError) -> [UInt8]
  ) throws(CheckpointError) -> Vocabulary? {
    if let text = try optional("tokenizer.json", file) {
      return try Vocabulary(tokenizer: text, path: PathText.joined(folder, "tokenizer.json"))
    }
    if let text = try optional("vocab.json", file) {
      return try Vocabulary(
        plain: text, added: try optional("added_tokens.json", file), path: PathText.joined(folder, "vocab.json"))
    }
    for name in ["tokenizer.model", "spiece.model", "vocab.txt", "tekken.json"] {
      guard try optional(name, file) != nil else { continue }
      throw CheckpointError(
        .malformed(
          found: "the tokens stand in '\(name)' alone, which is not read",
          expected: "a 'tokenizer.json'; load the tokenizer with the transformers library and save it"),
        file: PathText.joined(folder, name))
    }
    return nil
  }

  private static func optional(
    _ name: String, _ file: (String) throws(CheckpointError) -> [UInt8]
  ) throws(CheckpointError) -> [UInt8]? {
    do throws(CheckpointError) {
      return try file(name)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }

  // MARK: - Files

  private init(tokenizer text: [UInt8], path: String) throws(CheckpointError) {
    let root = try TextFile.parse(text, path: path)
    var tokens = Tokens(text: text, path: path)
    guard let model = root["model"], model.object != nil else {
      throw tokens.malformed(root, "an object with 'model'")
    }
    guard let vocabulary = model["vocab"] else { throw tokens.malformed(model, "a 'vocab' in 'model'") }
    if let members = vocabulary.object {
      for member in members { try tokens.take(member.key, member.value) }
    } else if let pieces = vocabulary.array {
      for (row, piece) in pieces.enumerated() {
        guard let token = piece.array?.first?.string else { throw tokens.malformed(piece, "a token and its score") }
        try tokens.take(token, row, at: piece)
      }
    } else {
      throw tokens.malformed(vocabulary, "an object or array of tokens")
    }
    if let entries = root["added_tokens"], !entries.isNull {
      guard let entries = entries.array else { throw tokens.malformed(entries, "an array of added tokens") }
      for entry in entries {
        guard let content = entry["content"]?.string, let row = entry["id"] else {
          throw tokens.malformed(entry, "an added token with 'content' and 'id'")
        }
        try tokens.take(content, row, added: entry)
      }
    }
    self.init(tokens, model: model["type"]?.string)
  }

  private init(plain text: [UInt8], added: [UInt8]?, path: String) throws(CheckpointError) {
    let root = try TextFile.parse(text, path: path)
    var tokens = Tokens(text: text, path: path)
    guard let members = root.object else { throw tokens.malformed(root, "an object of tokens") }
    for member in members { try tokens.take(member.key, member.value) }
    if let added {
      let root = try TextFile.parse(added, path: path)
      for member in root.object ?? [] {
        try tokens.take(member.key, member.value, added: Self.entry(for: member.key, isSpecial: true))
      }
    }
    self.init(tokens, model: nil)
  }

  private init(_ tokens: Tokens, model: String?) {
    rows = tokens.rows
    added = tokens.added.sorted { $0.row < $1.row }
    rowCount = (tokens.owners.keys.max() ?? -1) + 1
    path = tokens.path
    self.model = model
  }

  /// The entry of an added token as the tokenizers library writes it.
  static func entry(for content: String, isSpecial: Bool) -> JSONValue {
    .object([
      ("id", .number(0)), ("content", .string(content)), ("single_word", .bool(false)), ("lstrip", .bool(false)),
      ("rstrip", .bool(false)), ("normalized", .bool(!isSpecial)), ("special", .bool(isSpecial)),
    ])
  }

  /// Tokens as they are read, each row given once.
  private struct Tokens {
    let text: [UInt8]
    let path: String
    var rows: [String: Int] = [:]
    var owners: [Int: String] = [:]
    var added: [Added] = []

    init(text: [UInt8], path: String) {
      self.text = text
      self.path = path
    }

    mutating func take(_ token: String, _ value: JSONValue, added entry: JSONValue? = nil) throws(CheckpointError) {
      guard let row = value.int else { throw malformed(value, "the number of a row") }
      try take(token, row, at: value)
      if let entry { added.append(Added(content: token, row: row, entry: entry)) }
    }

    mutating func take(_ token: String, _ row: Int, at value: JSONValue) throws(CheckpointError) {
      guard (0..<Vocabulary.highestRow).contains(row) else {
        throw malformed("row \(row) for token \(MessageText.quoted(token))", "0 to \(Vocabulary.highestRow - 1)", value)
      }
      if let other = owners[row], other != token {
        throw malformed(
          "row \(row) for both \(MessageText.quoted(other)) and \(MessageText.quoted(token))",
          "a row of its own for each",
          value)
      }
      if let other = rows[token], other != row {
        throw malformed("rows \(other) and \(row) for token \(MessageText.quoted(token))", "one", value)
      }
      rows[token] = row
      owners[row] = token
      guard rows.count <= Vocabulary.mostTokens else {
        throw malformed("more than \(Vocabulary.mostTokens) tokens", "fewer", value)
      }
    }

    func malformed(_ value: JSONValue, _ expected: String) -> CheckpointError {
      malformed("found \(value.kindName)", expected, value)
    }

    func malformed(_ found: String, _ expected: String, _ value: JSONValue) -> CheckpointError {
      CheckpointError(
        .malformed(found: found, expected: expected), file: path, position: TextFile.position(value.offset, in: text))
    }
  }
}
