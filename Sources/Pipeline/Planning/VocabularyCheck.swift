internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Whether models whose embeddings are merged give the same tokens the same rows.
enum VocabularyCheck {
  /// Parts of names that tensors with a row per token have.
  private static let parts: Set<String> = ["embed_tokens", "word_embeddings", "wte", "lm_head", "embed_out", "shared"]

  /// Whether a tensor has a row for each token, by its name.
  static func isVocabularyTensor(_ name: String) -> Bool {
    name.split(separator: ".").contains { parts.contains(String($0)) }
  }

  /// Compares the tokenizers of a node's sources, where the node merges tensors with a row per token.
  static func diagnostics(_ node: NodePlan, _ plan: GraphPlan, file: String?) -> [Diagnostic] {
    // Layers have no such tensors, and most tensors are in layers.
    let merged = zip(node.catalogue.tensors, node.origins).filter { tensor, origin in
      origin.mergedIndex != nil && LayerPosition(name: tensor.name) == nil && isVocabularyTensor(tensor.name)
    }.map { MessageText.quoted($0.0.name) }
    guard !merged.isEmpty else { return [] }
    var found: [(name: String, bytes: [UInt8])] = []
    for index in (node.base.map { [$0] } ?? []) + node.models {
      guard case .source(let source) = index else { continue }
      let checkpoint = plan.sources[source].checkpoint
      guard let bytes = try? TextFile.read(checkpoint.folder + "/tokenizer.json", maximumByteCount: 256 << 20) else {
        continue
      }
      found.append((plan.sources[source].spec.name.name, bytes))
    }
    guard let first = found.first else { return [] }
    return found.dropFirst().compactMap { other in
      guard other.bytes != first.bytes, let difference = difference(tokens(first.bytes), tokens(other.bytes)) else {
        return nil
      }
      return Diagnostic(
        "node '\(node.spec.name.name)': token \(difference.token) is row \(difference.first) in '\(first.name)' and row "
          + "\(difference.second) in '\(other.name)', expected one vocabulary; "
          + "\"exclude\" what has a row per token: \(merged.joined(separator: ", "))",
        file: file, position: node.spec.name.position)
    }
  }

  /// The rows of the tokens of a `tokenizer.json`; empty where it cannot be read as one.
  static func tokens(_ bytes: [UInt8]) -> [String: Int] {
    guard let tokenizer = try? JSON.parse(bytes) else { return [:] }
    var rows: [String: Int] = [:]
    for member in tokenizer["model"]?["vocab"]?.object ?? [] { rows[member.key] = member.value.int }
    for token in tokenizer["added_tokens"]?.array ?? [] {
      if let content = token["content"]?.string, let row = token["id"]?.int { rows[content] = row }
    }
    return rows
  }

  /// A token that both know by different rows, the first by its row.
  static func difference(
    _ a: [String: Int], _ b: [String: Int]
  ) -> (token: String, first: Int, second: Int)? {
    var best: (token: String, first: Int, second: Int)?
    for (token, row) in a {
      guard let other = b[token], other != row else { continue }
      if best.map({ (row, token) < ($0.first, $0.token) }) ?? true { best = (token, row, other) }
    }
    return best.map { (MessageText.quoted($0.token), $0.first, $0.second) }
  }
}
