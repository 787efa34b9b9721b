internal import WeirIO

/// The tokenizer of an output whose models were brought to one vocabulary, beside the other small files of its donor.
struct TokenizerFiles {
  private let alignment: Alignment
  private let donor: Int
  private let sources: [OpenSource]

  private static let largestText = 256 << 20

  init(_ alignment: Alignment, donor: Int, _ sources: [OpenSource]) {
    self.alignment = alignment
    self.donor = donor
    self.sources = sources
  }

  /// The new row of each of the donor's tokens, where the vocabulary is another's.
  private var tokenRows: [Int: Int]? {
    guard alignment.owner != donor, let own = alignment.tokens[donor] else { return nil }
    var rows: [Int: Int] = [:]
    for (token, row) in own.rows { rows[row] = alignment.vocabulary.rows[token] }
    return rows
  }

  /// Sets what a config says of the vocabulary.
  func prepare(_ patch: inout ConfigPatch) {
    patch.vocabularySize = alignment.rowCount
    patch.tokenRows = tokenRows
  }

  /// Writes the owner's tokenizer with all tokens, and the donor's other side files; notes say what was changed.
  ///
  /// - Parameter template: the chat template that the output gets instead of the donor's.
  func write(into folder: OutputFolder, template: String?) throws(CheckpointError) -> [String] {
    var notes: [String] = []
    let replaced = template == nil ? [] : ChatTemplate.fileNames
    try sources[donor].copySideFiles(into: folder) { name in
      !OutputVocabulary.isTokenizerFile(name) && !replaced.contains(name)
        && (name != "generation_config.json" || tokenRows == nil)
    }
    if let rows = tokenRows { notes += try writeGeneration(rows, into: folder) }
    let vocabulary = alignment.vocabulary
    let owner = sources[alignment.owner]
    guard !vocabulary.isOwners else {
      try owner.copySideFiles(into: folder) { OutputVocabulary.isTokenizerFile($0) && !replaced.contains($0) }
      if let template {
        try ChatTemplate.add(template, config: try bytes(of: owner, ChatTemplate.configName), to: folder)
      }
      return notes
    }
    try owner.copySideFiles(into: folder) { name in
      OutputVocabulary.isTokenizerFile(name) && !OutputVocabulary.isSlowFile(name) && name != "tokenizer.json"
        && name != ChatTemplate.configName
    }
    let text = try owner.sideFile("tokenizer.json", maximumByteCount: Self.largestText)
    try folder.addFile("tokenizer.json", bytes: try vocabulary.tokenizer(from: text))
    var config = try bytes(of: owner, ChatTemplate.configName)
    if let text = config { config = try vocabulary.config(from: text, path: ChatTemplate.configName) }
    if let template {
      try ChatTemplate.add(template, config: config, to: folder)
    } else if let config {
      try folder.addFile(ChatTemplate.configName, bytes: config)
    }
    if vocabulary.newCount > 0 {
      notes.append("tokenizer.json: \(Wording.count(vocabulary.newCount, "token")) added, \(alignment.rowCount) rows")
    }
    if !vocabulary.stripped.isEmpty {
      notes.append(
        "tokenizer.json: \(Wording.count(vocabulary.stripped.count, "token")) left out, for which "
          + "\(MessageText.quoted(owner.spec.name.name)) has no rows")
    }
    return notes
  }

  private func writeGeneration(_ rows: [Int: Int], into folder: OutputFolder) throws(CheckpointError) -> [String] {
    let name = "generation_config.json"
    guard let text = try bytes(of: sources[donor], name) else { return [] }
    guard let config = try? JSON.parse(text) else {
      try folder.addFile(name, bytes: text)
      return ["\(name): is no JSON, and was copied; check the tokens that it names"]
    }
    let patched = ConfigPatch.tokenRows(rows, in: config)
    try folder.addFile(name, bytes: patched.bytes(original: text))
    return patched.notes.map { "\(name): \($0)" }
  }

  private func bytes(of source: OpenSource, _ name: String) throws(CheckpointError) -> [UInt8]? {
    do throws(CheckpointError) {
      return try source.sideFile(name, maximumByteCount: 16 << 20)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }
}
