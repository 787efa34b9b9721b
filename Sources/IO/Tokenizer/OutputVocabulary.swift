/// The tokens of an output, and what must change in the files of the tokenizer that they are taken from.
public struct OutputVocabulary: Sendable {
  /// The row of each token.
  public private(set) var rows: [String: Int]
  /// The highest row and one.
  public private(set) var rowCount: Int
  /// Entries of `added_tokens` that the owner's file lacks, ascending by row.
  public private(set) var additions: [Vocabulary.Added] = []
  /// How many of them are new tokens, and not ones that the owner has as plain ones.
  public private(set) var newCount = 0
  /// Tokens of the owner for which its model has no rows.
  public let stripped: Set<String>
  private let owner: Vocabulary
  private var isAdded: Set<String>

  /// Begins with the tokens of one tokenizer, without those at or beyond row `limit`.
  public init(_ owner: Vocabulary, limit: Int) {
    self.owner = owner
    rows = owner.rows.filter { $0.value < limit }
    stripped = Set(owner.rows.lazy.filter { $0.value >= limit }.map(\.key))
    rowCount = (rows.values.max() ?? -1) + 1
    isAdded = Set(owner.added.lazy.filter { $0.row < limit }.map(\.content))
  }

  /// Whether the owner's files do as they are.
  public var isOwners: Bool { additions.isEmpty && stripped.isEmpty }

  /// Appends what other tokenizers have besides: plain tokens first, then each one's added tokens, whose first definition
  /// holds. Appended plain tokens become added ones, which are found before a text is split.
  public mutating func unite(_ others: [(vocabulary: Vocabulary, limit: Int)]) {
    let special = others.reduce(into: isAdded) { names, other in
      for token in other.vocabulary.added where token.row < other.limit { names.insert(token.content) }
    }
    for other in others {
      let missing = other.vocabulary.rows.filter {
        $0.value < other.limit && rows[$0.key] == nil && !special.contains($0.key)
      }
      for token in missing.sorted(by: { $0.value < $1.value }) { append(token.key) }
    }
    for other in others {
      for token in other.vocabulary.added where token.row < other.limit && isAdded.insert(token.content).inserted {
        add(token.content, token.entry)
      }
    }
    additions.sort { $0.row < $1.row }
  }

  /// Appends a plain token, unless it is there.
  public mutating func append(_ token: String) {
    guard rows[token] == nil, isAdded.insert(token).inserted else { return }
    add(token, Vocabulary.entry(for: token, isSpecial: false))
  }

  private mutating func add(_ token: String, _ entry: JSONValue) {
    let row = rows[token] ?? rowCount
    if rows[token] == nil {
      rows[token] = row
      rowCount += 1
      newCount += 1
    }
    additions.append(Vocabulary.Added(content: token, row: row, entry: entry.setting("id", to: .number(row))))
  }

  // MARK: - Files

  /// The owner's `tokenizer.json` with these tokens.
  ///
  /// - Throws: ``CheckpointError`` where tokens without rows cannot be taken out of it.
  public func tokenizer(from text: [UInt8]) throws(CheckpointError) -> [UInt8] {
    var root = try TextFile.parse(text, path: owner.path)
    let kept = (root["added_tokens"]?.array ?? []).filter { !stripped.contains($0["content"]?.string ?? "") }
    let added = kept + additions.map(\.entry)
    root = root.setting(
      "added_tokens", to: .array(added.sorted { ($0["id"]?.int ?? 0) < ($1["id"]?.int ?? 0) }))
    if let model = root["model"], let plain = model["vocab"], let changed = try withoutStripped(plain, model) {
      root = root.setting("model", to: changed)
    }
    return Array((JSON.text(root, indent: 2) + "\n").utf8)
  }

  /// The model of a tokenizer without the plain tokens that have no rows; `nil` where it has none of them.
  private func withoutStripped(_ vocabulary: JSONValue, _ model: JSONValue) throws(CheckpointError) -> JSONValue? {
    guard !stripped.isEmpty, let members = vocabulary.object, members.contains(where: { stripped.contains($0.key) })
    else { return nil }
    guard model["type"]?.string == "BPE" else {
      throw CheckpointError(
        .malformed(
          found: "tokens beyond the rows of the model in a tokenizer of type \(model["type"]?.string ?? "unknown")",
          expected: "rows for all tokens, or a tokenizer of type BPE"), file: owner.path)
    }
    var changed = model.setting(
      "vocab", to: .object(members.filter { !stripped.contains($0.key) }.map { ($0.key, $0.value) }))
    if let merges = model["merges"]?.array {
      let kept = merges.filter { merge in
        let parts = merge.array?.compactMap(\.string) ?? merge.string?.split(separator: " ").map(String.init) ?? []
        return !parts.contains(where: stripped.contains) && !stripped.contains(parts.joined())
      }
      changed = changed.setting("merges", to: .array(kept))
    }
    return changed
  }

  /// The owner's `tokenizer_config.json` with these tokens.
  public func config(from text: [UInt8], path: String) throws(CheckpointError) -> [UInt8] {
    let root = try TextFile.parse(text, path: path)
    guard let members = root["added_tokens_decoder"]?.object else { return text }
    let wanted = ["content", "lstrip", "normalized", "rstrip", "single_word", "special"]
    let kept = members.filter { !stripped.contains($0.value["content"]?.string ?? "") }.map { ($0.key, $0.value) }
    let added = additions.map { token in
      (
        String(token.row),
        JSONValue.object(
          (token.entry.object ?? []).filter { wanted.contains($0.key) }.map { ($0.key, $0.value) }.sorted {
            $0.0 < $1.0
          })
      )
    }
    let decoder = (kept + added).sorted { (Int($0.0) ?? 0) < (Int($1.0) ?? 0) }
    return Array((JSON.text(root.setting("added_tokens_decoder", to: .object(decoder)), indent: 2) + "\n").utf8)
  }

  /// Whether a side file is one of a tokenizer's.
  public static func isTokenizerFile(_ name: String) -> Bool {
    !name.contains("/")
      && (["added_tokens.json", "special_tokens_map.json", "merges.txt", "tekken.json"].contains(name)
        || ["tokenizer.", "tokenizer_", "vocab."].contains(where: name.hasPrefix)
        || [".model", ".spm", ".tiktoken"].contains(where: name.hasSuffix))
  }

  /// Whether a file of a tokenizer holds what a changed `tokenizer.json` would contradict.
  public static func isSlowFile(_ name: String) -> Bool {
    isTokenizerFile(name) && !["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"].contains(name)
  }
}
