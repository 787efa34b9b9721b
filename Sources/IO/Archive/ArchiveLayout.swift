public import WeirTensors

/// What an archive will hold, as far as that is known before anything is coded.
public struct ArchiveLayout: Sendable {
  /// One tensor, in the order of the tuned checkpoint.
  public struct Tensor: Hashable, Sendable {
    public let info: TensorInfo
    /// How it will be coded, unless ``ArchiveWriter/recode(tensor:as:)`` changes that.
    public let coding: ArchiveCoding
    /// What it applies to, if anything.
    public let base: ArchiveBase?

    public init(info: TensorInfo, coding: ArchiveCoding, base: ArchiveBase?) {
      self.info = info
      self.coding = coding
      self.base = base
    }
  }

  /// One weights file of the tuned checkpoint; together they hold the tensors, in their order.
  public struct Shard: Hashable, Sendable {
    public let name: String
    /// The file's first bytes, up to its data.
    public let header: [UInt8]

    public init(name: String, header: [UInt8]) {
      self.name = name
      self.header = header
    }
  }

  /// One small file beside the tuned checkpoint's weights.
  public struct SideFile: Hashable, Sendable {
    public let name: String
    public let byteCount: Int
    /// The hash of its bytes, taken as a tensor's.
    public let hash: Hash128
    /// Whether the base has the same file, so that it need not be stored.
    public let isSameAsBase: Bool

    public init(name: String, byteCount: Int, hash: Hash128, isSameAsBase: Bool) {
      self.name = name
      self.byteCount = byteCount
      self.hash = hash
      self.isSameAsBase = isSameAsBase
    }
  }

  public let kind: ArchiveKind
  public let tensors: [Tensor]
  public let shards: [Shard]
  public let sideFiles: [SideFile]
  public let metadata: [String: String]

  let index: ArchiveIndex
  let names: ArchiveIndex.Names
  /// The encoded headers of the shards, block after block.
  let shardPayloads: [[UInt8]]
  /// Bytes of the file's header, its length and its padding included.
  let headerByteCount: Int
  let indexByteCount: Int

  /// Where the first block stands.
  var blocksOffset: Int { headerByteCount + indexByteCount }

  /// Lays an archive out.
  ///
  /// - Parameters:
  ///   - kind: what it is.
  ///   - tensors: in the order of the tuned checkpoint: shard by shard, in each in the order of their data.
  ///   - shards: the tuned checkpoint's files, if they are to come out byte for byte.
  ///   - sideFiles: what stands beside them; those that are stored are appended before any tensor.
  ///   - metadata: what users are told, as far as it is known; the container's own keys are not to be among them.
  ///   - metadataRoom: bytes to hold for what ``ArchiveWriter/finish(hashes:metadata:)`` adds.
  /// - Throws: ``CheckpointError`` where a reader would not take such an archive.
  public init(
    kind: ArchiveKind, tensors: [Tensor], shards: [Shard] = [], sideFiles: [SideFile] = [],
    metadata: [String: String] = [:], metadataRoom: Int = 512
  ) throws(CheckpointError) {
    let none = Hash128(high: 0, low: 0)
    var index = ArchiveIndex(
      kind: kind,
      tensors: tensors.map { ArchiveIndex.Tensor(info: $0.info, coding: $0.coding, base: $0.base) },
      shards: shards.map {
        ArchiveIndex.Shard(name: $0.name, byteCount: $0.header.count, hash: TensorHasher.hash(of: $0.header))
      },
      sideFiles: sideFiles.map {
        ArchiveIndex.SideFile(name: $0.name, byteCount: $0.byteCount, isStored: !$0.isSameAsBase, hash: $0.hash)
      }, headerHash: none)
    // Room for the hashes that come last.
    for place in index.tensors.indices {
      index.tensors[place].baseHash = index.tensors[place].base == nil ? nil : none
      index.tensors[place].resultHash = none
    }
    try index.check()
    try ArchiveShards.check(shards.map { ($0.name, $0.header) }, hold: tensors.map(\.info))
    for key in metadata.keys where ArchiveFormat.Key.all.contains(key) {
      throw CheckpointError(
        .malformed(found: "metadata key '\(key)'", expected: "none of the keys that the container writes"))
    }
    var payloads: [[UInt8]] = []
    for shard in shards {
      for start in stride(from: 0, to: shard.header.count, by: StoredBytes.blockByteCount) {
        let end = min(start + StoredBytes.blockByteCount, shard.header.count)
        payloads.append(try StoredBytes.encode(Array(shard.header[start..<end])))
      }
    }
    self.kind = kind
    self.tensors = tensors
    self.shards = shards
    self.sideFiles = sideFiles
    self.metadata = metadata
    self.index = index
    names = try index.names()
    shardPayloads = payloads
    indexByteCount = index.byteCount(names, blockCount: index.items.reduce(0) { $0 + $1.blockCount })
    headerByteCount = ArchiveHeader.room(for: index, indexByteCount: indexByteCount, metadata, metadataRoom)
  }
}
