/// What an archive holds; the raw values are those of the metadata.
public enum ArchiveKind: String, CaseIterable, Hashable, Sendable {
  /// All of a tuned checkpoint, to be put together with its base.
  case checkpoint
  /// A delta that a pipeline computed.
  case delta
  /// An adapter, whose tensors stand for themselves.
  case adapter

  /// The number in the index.
  var number: UInt8 {
    switch self {
    case .checkpoint: 0
    case .delta: 1
    case .adapter: 2
    }
  }
}
