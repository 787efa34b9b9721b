internal import WeirIO
internal import WeirTensors

/// Whether checkpoints can be merged with each other, told from headers, configs and tokenizers.
public struct CompatibilityCheck: Sendable {
  public enum Severity: String, Sendable {
    /// A merge of all tensors is refused.
    case error
    /// A merge is possible, and may well not be what is wanted.
    case warning
    case note
  }

  /// One thing in which a model differs from the first one, or that makes it unfit.
  public struct Finding: Sendable {
    public let severity: Severity
    public let message: String
  }

  /// What the models are, in the order given.
  public let models: [Inspection]
  public private(set) var findings: [Finding] = []

  /// Whether nothing was found that keeps the models from being merged.
  public var canBeMerged: Bool { !findings.contains { $0.severity == .error } }

  /// How many names a finding lists.
  private static let listed = 3

  /// Opens all models and compares each with the first.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with all models that cannot be opened, or where there are too few.
  public init(paths: [String], options: RunOptions = RunOptions()) throws(PipelineError) {
    guard paths.count > 1 else {
      throw PipelineError(.request, "\(Wording.count(paths.count, "model")) to compare, expected at least 2")
    }
    var models: [Inspection] = []
    var diagnostics: [Diagnostic] = []
    for path in paths {
      do {
        models.append(try Inspection(path: path, options: options))
      } catch {
        diagnostics += error.diagnostics
      }
    }
    if !diagnostics.isEmpty { throw PipelineError(.request, diagnostics) }
    self.models = models
    for model in models { checkAlone(model.checkpoint) }
    guard let first = models.first else { return }
    for other in models.dropFirst() {
      compareTensors(first.checkpoint, other.checkpoint)
      compareVocabularies(first.checkpoint, other.checkpoint)
      findings += SideFileComparison(first.checkpoint, other.checkpoint).findings
    }
    findings = findings.enumerated().sorted {
      ($0.element.severity.rank, $0.offset) < ($1.element.severity.rank, $1.offset)
    }.map(\.element)
  }

  private mutating func add(_ severity: Severity, _ message: String) {
    findings.append(Finding(severity: severity, message: message))
  }

  private mutating func checkAlone(_ model: Checkpoint) {
    if let quantisation = model.quantisation {
      add(
        .error,
        "\(MessageText.quoted(model.path)) is quantised: \(quantisation); dequantise it, or use what it was made from")
    }
    for note in model.notes { add(.note, "\(MessageText.quoted(model.path)): \(note)") }
  }

  // MARK: Tensors

  private mutating func compareTensors(_ first: Checkpoint, _ other: Checkpoint) {
    reportMissing(in: other, of: first)
    reportMissing(in: first, of: other)
    var shapes: [(TensorInfo, TensorInfo)] = []
    var unmergeable: [(TensorInfo, TensorInfo)] = []
    var dtypes: [(TensorInfo, TensorInfo)] = []
    for a in first.catalogue.tensors {
      guard let b = other.catalogue[a.name] else { continue }
      if a.shape != b.shape {
        shapes.append((a, b))
      } else if a.dtype.isMergeable != b.dtype.isMergeable {
        unmergeable.append((a, b))
      } else if a.dtype != b.dtype {
        dtypes.append((a, b))
      }
    }
    for (a, b) in shapes.prefix(Self.listed) {
      let isVocabulary = VocabularyCheck.isVocabularyTensor(a.name)
      add(
        .error,
        "tensor \(MessageText.quoted(a.name)) has shape \(a.shape) in \(MessageText.quoted(first.path)) and \(b.shape) in \(MessageText.quoted(other.path))"
          + (isVocabulary ? "; exclude it, so that it comes from one model" : ""))
    }
    if shapes.count > Self.listed {
      add(
        .error,
        "\(shapes.count - Self.listed) more tensors differ in shape between \(MessageText.quoted(first.path)) and \(MessageText.quoted(other.path))"
      )
    }
    if let (a, b) = unmergeable.first {
      add(.error, Self.dtypeText(unmergeable.count, a, b, first, other) + ", which cannot be merged")
    }
    if let (a, b) = dtypes.first {
      add(.note, Self.dtypeText(dtypes.count, a, b, first, other) + "; the output keeps the type that the base has")
    }
  }

  private static func dtypeText(
    _ count: Int, _ a: TensorInfo, _ b: TensorInfo, _ first: Checkpoint, _ other: Checkpoint
  ) -> String {
    let subject =
      count == 1
      ? "tensor \(MessageText.quoted(a.name)) is" : "\(count) tensors (\(MessageText.quoted(a.name)), …) are"
    return
      "\(subject) \(a.dtype.rawValue) in \(MessageText.quoted(first.path)) and \(b.dtype.rawValue) in \(MessageText.quoted(other.path))"
  }

  private mutating func reportMissing(in model: Checkpoint, of other: Checkpoint) {
    var names = other.catalogue.tensors.map(\.name).filter { model.catalogue[$0] == nil }
    if model.config?["tie_word_embeddings"]?.bool == true {
      let tied = names.filter { $0.hasSuffix("lm_head.weight") }
      names.removeAll { $0.hasSuffix("lm_head.weight") }
      for name in tied {
        add(
          .note,
          "\(MessageText.quoted(model.path)) ties its head to its embedding and has no \(MessageText.quoted(name))")
      }
    }
    guard !names.isEmpty else { return }
    let list = names.prefix(Self.listed).map(MessageText.quoted).joined(separator: ", ")
    let more = names.count > Self.listed ? " and \(names.count - Self.listed) more" : ""
    add(
      .error,
      "\(MessageText.quoted(model.path)) lacks \(list)\(more) of \(MessageText.quoted(other.path)); use \"on_missing\": \"skip_model\" or \"exclude\""
    )
  }

  // MARK: Vocabularies

  private mutating func compareVocabularies(_ first: Checkpoint, _ other: Checkpoint) {
    let texts = [first, other].map { SideFileComparison.text("tokenizer.json", of: $0) }
    guard let one = texts[0], let two = texts[1] else {
      if let having = [(texts[0], first, other), (texts[1], other, first)].first(where: { $0.0 != nil }) {
        add(
          .note,
          "\(MessageText.quoted(having.2.path)) has no tokenizer.json to compare with that of \(MessageText.quoted(having.1.path))"
        )
      }
      return
    }
    guard one != two else { return }
    let rows = [one, two].map(VocabularyCheck.tokens)
    if let difference = VocabularyCheck.difference(rows[0], rows[1]) {
      add(
        .error,
        "token \(difference.token) is row \(difference.first) in \(MessageText.quoted(first.path)) and row \(difference.second) in "
          + "\(MessageText.quoted(other.path)); exclude the embeddings and the head")
    } else if rows[0].count != rows[1].count {
      add(
        .warning,
        "the vocabulary has \(rows[0].count) tokens in \(MessageText.quoted(first.path)) and \(rows[1].count) in \(MessageText.quoted(other.path)), "
          + "the shared ones in the same rows")
    } else {
      add(
        .note,
        "the tokenizers of \(MessageText.quoted(first.path)) and \(MessageText.quoted(other.path)) differ in other things than their tokens"
      )
    }
  }
}

extension CompatibilityCheck.Severity {
  fileprivate var rank: Int {
    switch self {
    case .error: 0
    case .warning: 1
    case .note: 2
    }
  }
}
