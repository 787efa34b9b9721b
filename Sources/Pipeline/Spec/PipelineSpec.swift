/// One source of a pipeline: a checkpoint, an archive, an adapter or coefficients on disk under a name.
public struct SourceSpec: Sendable {
  /// What stands at a source's path.
  public enum Kind: Hashable, Sendable {
    case checkpoint
    /// A compressed task vector: with a base, which is a checkpoint among the sources, the model that both give together.
    case archive(base: Reference?)
    /// A LoRA adapter: with a base, which is a checkpoint among the sources, the model that both give together.
    case adapter(base: Reference?)
    /// Numbers for models and tensors, which parameters name.
    case coefficients
  }

  public let name: Reference
  /// Relative paths are resolved against the pipeline's folder.
  public let path: String
  public let kind: Kind
  public let space: Space

  /// The source that an archive or an adapter applies to.
  public var base: Reference? {
    switch kind {
    case .archive(let base), .adapter(let base): base
    case .checkpoint, .coefficients: nil
    }
  }

  var isArchive: Bool {
    if case .archive = kind { true } else { false }
  }
}

/// A pipeline whose every word has been checked; what only the inputs can tell is left to planning.
public struct PipelineSpec: Sendable {
  /// What a run does with a number that is not one.
  public enum NaNPolicy: String, Hashable, Sendable, CaseIterable { case error, propagate }

  /// The pipeline's file as the user named it, if it has one.
  public let file: String?
  /// The text as it was read, with overridden variables set.
  public let text: [UInt8]
  public let note: String?
  /// The sources that an output needs, in the order of the text.
  public let sources: [SourceSpec]
  /// The nodes that an output needs, each after all that it reads.
  public let nodes: [NodeSpec]
  public let outputs: [OutputSpec]
  public let nanPolicy: NaNPolicy
  /// The vocabulary to which all models are brought; `nil` leaves each its own.
  public let tokenizer: TokenizerSpec?
  /// What is odd and yet allowed, in the order of the text.
  public let warnings: [Diagnostic]

  /// The space of a source or node by name.
  public func space(of name: String) -> Space? {
    sources.first { $0.name.name == name }?.space ?? nodes.first { $0.name.name == name }?.space
  }
}
