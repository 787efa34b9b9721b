internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Whether models whose embeddings are merged give the same tokens the same rows.
struct VocabularyCheck {
  /// A token that two tokenizers know by different rows.
  typealias Difference = (token: String, first: Int, second: Int)

  /// Parts of names that tensors with a row per token have.
  private static let parts: Set<String> = ["embed_tokens", "word_embeddings", "wte", "lm_head", "embed_out", "shared"]
  /// Bytes that reading a tokenizer takes for each of its own.
  private static let treeBytesPerByte = 12

  /// Bytes that the check may take.
  private let memory: Int
  private let file: String?
  private var digests: [Int: Digest] = [:]
  private var differences: [Pair: Difference?] = [:]
  /// The last first tokenizer whose tokens were needed.
  private var firstTokens: (source: Int, rows: [String: Int])?
  private(set) var warnings: [Diagnostic] = []
  private var warned: Set<Int> = []

  private struct Pair: Hashable {
    let first: Int
    let other: Int
  }

  /// What is kept of a tokenizer: enough to tell whether another is the same.
  private enum Digest {
    case missing
    case tooLarge
    case text(Hash128, byteCount: Int)
  }

  init(memory: Int, file: String?) {
    self.memory = memory
    self.file = file
  }

  /// Whether a tensor has a row for each token, by its name.
  static func isVocabularyTensor(_ name: String) -> Bool {
    name.split(separator: ".").contains { parts.contains(String($0)) }
  }

  /// Compares the tokenizers of a node's sources, where the node merges tensors with a row per token.
  mutating func diagnostics(_ node: NodePlan, _ plan: GraphPlan) -> [Diagnostic] {
    // Layers have no such tensors, and most tensors are in layers.
    let merged = zip(node.catalogue.tensors, node.origins).filter { tensor, origin in
      origin.mergedIndex != nil && LayerPosition(name: tensor.name) == nil && Self.isVocabularyTensor(tensor.name)
    }.map { MessageText.quoted($0.0.name) }
    guard !merged.isEmpty else { return [] }
    var sources: [Int] = []
    for case .source(let source) in (node.base.map { [$0] } ?? []) + node.models where !sources.contains(source) {
      switch digest(source, plan) {
      case .missing: continue
      case .tooLarge: warn(source, plan)
      case .text: sources.append(source)
      }
    }
    guard let first = sources.first else { return [] }
    return sources.dropFirst().compactMap { other in
      guard let difference = difference(first, other, plan) else { return nil }
      return Diagnostic(
        "node \(MessageText.quoted(node.spec.name.name)): token \(difference.token) is row \(difference.first) in "
          + "\(MessageText.quoted(plan.name(of: .source(first)))) and row \(difference.second) in "
          + "\(MessageText.quoted(plan.name(of: .source(other)))), expected one vocabulary; "
          + "bring all models to one with \"tokenizer\", or \"exclude\" what has a row per token: "
          + merged.joined(separator: ", "),
        file: file, position: node.spec.name.position)
    }
  }

  // MARK: - Tokenizers

  private mutating func digest(_ source: Int, _ plan: GraphPlan) -> Digest {
    if let known = digests[source] { return known }
    let digest = Self.digest(plan.sources[source], maximumByteCount: min(memory / 2, 256 << 20))
    digests[source] = digest
    return digest
  }

  private static func digest(_ source: OpenSource, maximumByteCount: Int) -> Digest {
    do throws(CheckpointError) {
      let bytes = try source.sideFile("tokenizer.json", maximumByteCount: maximumByteCount)
      let hash = Hash128(bytes)
      return .text(hash, byteCount: bytes.count)
    } catch {
      if case .fileTooLarge = error.kind { return .tooLarge }
      return .missing
    }
  }

  /// The first difference of two tokenizers, each read once more only if they are not the same text.
  private mutating func difference(_ first: Int, _ other: Int, _ plan: GraphPlan) -> Difference? {
    let pair = Pair(first: first, other: other)
    if let known = differences[pair] { return known }
    guard case .text(let a, let aCount)? = digests[first], case .text(let b, let bCount)? = digests[other], a != b
    else { return nil }
    for (source, count) in [(first, aCount), (other, bCount)] where count > memory / Self.treeBytesPerByte {
      warn(source, plan)
      return nil
    }
    if firstTokens?.source != first {
      firstTokens = nil
      firstTokens = (first, rows(first, plan))
    }
    let difference = Self.difference(firstTokens?.rows ?? [:], rows(other, plan))
    differences[pair] = .some(difference)
    return difference
  }

  private func rows(_ source: Int, _ plan: GraphPlan) -> [String: Int] {
    let limit = memory / Self.treeBytesPerByte
    guard let bytes = try? plan.sources[source].sideFile("tokenizer.json", maximumByteCount: limit) else {
      return [:]
    }
    return Self.tokens(bytes)
  }

  private mutating func warn(_ source: Int, _ plan: GraphPlan) {
    guard warned.insert(source).inserted else { return }
    let spec = plan.sources[source].spec
    warnings.append(
      Diagnostic(
        "source \(MessageText.quoted(spec.name.name)): tokenizer.json is too large to be compared within the budget of "
          + "\(Quantity.binaryText(memory)), its tokens were not checked; raise --memory, or see 'weir check'",
        severity: .warning, file: file, position: spec.name.position))
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
  static func difference(_ a: [String: Int], _ b: [String: Int]) -> Difference? {
    var best: Difference?
    for (token, row) in a {
      guard let other = b[token], other != row else { continue }
      if best.map({ (row, token) < ($0.first, $0.token) }) ?? true { best = (token, row, other) }
    }
    return best.map { (MessageText.quoted($0.token), $0.first, $0.second) }
  }
}
