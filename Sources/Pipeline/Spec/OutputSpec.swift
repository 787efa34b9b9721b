public import WeirTensors

/// One output: which value is written, where, and how.
public struct OutputSpec: Sendable {
  /// What is made of a value.
  public enum Destination: Hashable, Sendable {
    /// A model folder.
    case folder(String)
    /// A single `.safetensors` file.
    case file(String)
    /// A task-vector archive: a single `.tv.safetensors` file.
    case archive(String)
    /// A hash of what would have been written.
    case digest(String)
  }

  public let from: Reference
  /// Paths are resolved: against the pipeline's folder, or as the `-o` flag gives them.
  public let destination: Destination
  public let dtype: DTypeChoice
  /// The most bytes of data in one shard.
  public let shardBytes: Int
  public let filter: TensorFilter
  public let rename: [RenameRule]
  /// The source or node whose config and side files a folder gets; `nil` for the one that leads.
  public let donor: Reference?
  /// `nil` leaves the donor's.
  public let chatTemplate: ChatTemplate?
  /// How the archive is made; `nil` where the output is none.
  public internal(set) var archive: ArchiveSpec?
  public let position: Position

  /// 5 GB, as the Hugging Face libraries cut shards.
  public static let defaultShardBytes = 5_000_000_000
}

/// The element type of an output, tensor by tensor.
public struct DTypeChoice: Hashable, Sendable {
  /// One entry of an array of rules.
  public struct Rule: Hashable, Sendable {
    /// The names that it holds for; `nil` for all.
    public let glob: Glob?
    /// `nil` keeps the type that the tensor has in the base.
    public let dtype: DType?

    public init(glob: Glob?, dtype: DType?) {
      self.glob = glob
      self.dtype = dtype
    }
  }

  /// The first that matches holds; where none does, a tensor keeps its type.
  public let rules: [Rule]

  public init(_ rules: [Rule] = []) { self.rules = rules }

  /// Every tensor as the base has it.
  public static let same = DTypeChoice()

  /// The type to write a tensor in; `nil` keeps the type that it has in the base.
  public func resolve(_ name: String) -> DType? {
    rules.first { $0.glob?.matches(name) ?? true }?.dtype
  }
}
