import TestSupport
import WeirTensors

/// A model with a vocabulary that a test makes.
struct PlainModel {
  let name: String
  /// Plain tokens by row, with holes.
  var plain: [String: Int]
  /// Added tokens by row.
  var added: [String: Int]
  var rowCount: Int
  /// Rows of the embedding, and of the head where there is one.
  var embedding: [[Double]]
  var head: [[Double]]?

  /// Rows of tokens that the model has.
  var rows: [String: Int] { plain.merging(added) { first, _ in first }.filter { $0.value < rowCount } }

  var tokenizer: String {
    func quoted(_ text: String) -> String { "\"\(text)\"" }
    let plain = self.plain.sorted { $0.value < $1.value }.map { "\(quoted($0.key)): \($0.value)" }
    let added = self.added.sorted { $0.value < $1.value }.map {
      #"{"id": \#($0.value), "content": "\#($0.key)", "special": true}"#
    }
    return
      #"{"model": {"type": "BPE", "vocab": {\#(plain.joined(separator: ", "))}, "merges": []}, "added_tokens": [\#(added.joined(separator: ", "))]}"#
  }

  func write(_ scene: Scene, dtype: DType = .f32, config: String? = nil) throws {
    func tensor(_ name: String, _ rows: [[Double]]) -> TestTensor {
      TestTensor(name, dtype, [rows.count, rows.first?.count ?? 0], rows.flatMap(\.self))
    }
    try scene.add(
      name,
      [tensor("model.embed_tokens.weight", embedding)] + (head.map { [tensor("lm_head.weight", $0)] } ?? [])
        + [TestTensor("model.norm.weight", dtype, [2], [1, 2])],
      config: config ?? #"{"vocab_size": \#(rowCount)}"#)
    try writeFile(scene.path("\(name)/tokenizer.json"), tokenizer)
  }

  /// A model with some of the letters as tokens, rows without tokens and tokens without rows among them.
  static func random(_ name: String, columns: Int, _ random: inout SplitMix64) -> PlainModel {
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h"].filter { _ in random.next() % 3 > 0 }
    let special = ["<s>", "<t>", "<u>", "a"].filter { token in
      random.next() % 2 == 0 && !(token == "a" && letters.contains("a"))
    }
    var free = Array(0..<14)
    func take() -> Int { free.remove(at: Int(random.next() % UInt64(free.count))) }
    var plain: [String: Int] = ["z": take()]
    for letter in letters { plain[letter] = take() }
    var added: [String: Int] = [:]
    for token in special { added[token] = take() }
    let rowCount = 8 + Int(random.next() % 8)
    func rows() -> [[Double]] {
      (0..<rowCount).map { _ in (0..<columns).map { _ in Double(Int(random.next() % 64) - 32) / 8 } }
    }
    return PlainModel(
      name: name, plain: plain, added: added, rowCount: rowCount, embedding: rows(), head: rows())
  }
}

/// The union of vocabularies and the rows of each model in it, worked out token by token.
struct PlainUnion {
  private(set) var tokens: [String: Int]
  private(set) var rowCount: Int
  let models: [PlainModel]
  let owner: Int

  init(_ models: [PlainModel], owner: Int, isUnion: Bool) {
    self.models = models
    self.owner = owner
    tokens = models[owner].rows
    rowCount = (tokens.values.max() ?? -1) + 1
    guard isUnion else { return }
    let special = Set(models.flatMap { model in model.added.filter { $0.value < model.rowCount }.keys })
    for model in models {
      for (token, row) in model.plain.sorted(by: { $0.value < $1.value })
      where row < model.rowCount && !special.contains(token) {
        add(token)
      }
    }
    for model in models {
      for (token, row) in model.added.sorted(by: { $0.value < $1.value }) where row < model.rowCount { add(token) }
    }
  }

  mutating func add(_ token: String) {
    guard tokens[token] == nil else { return }
    tokens[token] = rowCount
    rowCount += 1
  }

  /// The rows of one model's tensor.
  func rows(
    of number: Int, _ tensor: (PlainModel) -> [[Double]], height: Int, padsWithMean: Bool,
    rules: [String: (row: [Double], isForced: Bool)] = [:]
  ) -> [[Double]] {
    let byRow = Dictionary(uniqueKeysWithValues: tokens.map { ($1, $0) })
    let columns = tensor(models[0])[0].count
    let zero = [Double](repeating: 0, count: columns)
    var rows = (0..<height).map { row -> [Double] in
      guard let token = byRow[row] else {
        let own = tensor(models[owner])
        return row < own.count && !(row >= rowCount && padsWithMean) ? own[row] : zero
      }
      if let rule = rules[token], rule.isForced { return rule.row }
      if let own = models[number].rows[token] { return tensor(models[number])[own] }
      if let rule = rules[token] { return rule.row }
      let holders = models.filter { $0.rows[token] != nil }
      guard let first = holders.first, let place = first.rows[token] else { return zero }
      if holders.count == 1 { return tensor(first)[place] }
      if let base = models[0].rows[token] { return tensor(models[0])[base] }
      return (0..<columns).map { column in
        holders.reduce(0) { $0 + tensor($1)[$1.rows[token] ?? 0][column] } / Double(holders.count)
      }
    }
    if padsWithMean, height > rowCount {
      let mean = (0..<columns).map { column in rows[..<rowCount].reduce(0) { $0 + $1[column] } / Double(rowCount) }
      for row in rowCount..<height { rows[row] = mean }
    }
    return rows
  }
}
