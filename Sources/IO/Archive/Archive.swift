public import WeirTensors

/// A task vector in one file, checked and open.
///
/// Opening reads the header, the index and the original headers that the archive keeps, and no weights. All of them have been
/// checked then, so that every block lies in the file, and its length is one that its codec can have. What a block holds is
/// to be checked when it is read, by ``check(_:block:)``.
public final class Archive: Sendable {
  /// Raised with the format's version, and with every change after which some codec gives other bytes than before.
  public static let revision = ArchiveFormat.version

  /// The path, as the user gave it.
  public let path: String
  public let file: InputFile
  public let kind: ArchiveKind
  /// All metadata of the file, that of the container and whatever else there is.
  public let metadata: [String: String]
  /// The tensors, in the order of the tuned checkpoint.
  public let tensors: [ArchiveTensor]
  /// The tuned tensors: those of ``tensors``, in their order.
  public let catalogue: Catalogue
  /// Where the blocks stand.
  public let blocks: ArchiveBlocks
  /// The tuned checkpoint's weights files; none where it is not to come out file by file.
  public let shards: [ArchiveShard]
  /// The small files beside them.
  public let sideFiles: [ArchiveSideFile]
  /// The hash of the tensors of the base that are read; `nil` where none is.
  public let baseFingerprint: Hash128?
  /// The hash of what comes out; `nil` where that is not known.
  public let resultFingerprint: Hash128?
  let index: ArchiveIndex

  /// Opens an archive and checks all that it says of itself.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - policy: how blocks will be brought into memory.
  ///   - maximumHeaderBytes: the largest header, index and original headers that are read;
  ///     ``SafetensorsHeader/defaultMaximumByteCount`` if `nil`.
  /// - Throws: ``CheckpointError`` that says what is wrong and where.
  public static func open(
    _ path: String, policy: ReadPolicy = .auto, maximumHeaderBytes: Int? = nil
  ) throws(CheckpointError) -> Archive {
    let limit = maximumHeaderBytes ?? SafetensorsHeader.defaultMaximumByteCount
    do throws(CheckpointError) {
      let descriptor = try InputDescriptor(path)
      let front = try ArchiveFront(descriptor, maximumByteCount: limit)
      if let problem = front.problem { throw problem }
      let headers = try front.shardHeaders(descriptor, maximumByteCount: limit)
      let shards = try ArchiveShards.check(headers, hold: front.index.tensors.map(\.info))
      return Archive(front, shards, try InputFile(descriptor, policy: policy))
    } catch {
      throw error.naming(file: path)
    }
  }

  /// Whether the file at `path` is an archive, by its name or its metadata; `false` where it cannot be read.
  public static func isArchive(_ path: String, maximumHeaderBytes: Int? = nil) -> Bool {
    guard FileSystem.facts(path, followingLinks: true)?.kind == .file else { return false }
    if path.hasSuffix(ArchiveFormat.suffix) { return true }
    let header = try? SafetensorsHeader.read(path, maximumByteCount: maximumHeaderBytes)
    return header?.metadata[ArchiveFormat.Key.format] == ArchiveFormat.format
  }

  init(_ front: ArchiveFront, _ shards: [ArchiveShard], _ file: InputFile) {
    path = file.path
    self.file = file
    self.shards = shards
    let index = front.index
    self.index = index
    kind = index.kind
    metadata = front.header.metadata
    blocks = front.blocks
    baseFingerprint = index.baseFingerprint
    resultFingerprint = index.resultFingerprint
    let items = front.items
    let firstFile = index.shards.count
    sideFiles = index.sideFiles.enumerated().map { place, file in
      ArchiveSideFile(
        name: file.name, byteCount: file.byteCount, hash: file.hash,
        blocks: file.isStored ? items[firstFile + place].blocks : nil)
    }
    tensors = index.tensors.enumerated().map { place, tensor in
      let (item, blocks) = items[firstFile + index.sideFiles.count + place]
      return ArchiveTensor(
        info: tensor.info, coding: tensor.coding, base: tensor.base, baseHash: tensor.baseHash,
        resultHash: tensor.resultHash, sharedBlock: item.hasSharedBlock ? blocks.lowerBound : nil,
        blocks: item.hasSharedBlock ? blocks.dropFirst() : blocks)
    }
    catalogue = Catalogue(index.tensors.map(\.info))
  }

  /// Checks that the bytes of a block are those that were written.
  ///
  /// - Throws: ``CheckpointError`` that names the block.
  public func check(_ bytes: UnsafeRawBufferPointer, block: Int) throws(CheckpointError) {
    // SAFETY: the caller keeps the bytes for the call.
    guard bytes.count == blocks[block].count, unsafe BlockChecksum.of(bytes) == blocks.checksum(of: block) else {
      throw naming(CheckpointError(.corrupt("the block")), block: block)
    }
  }

  /// The error, naming the file, the tensor or file, and the block that it came of.
  public func naming(_ error: CheckpointError, block: Int) -> CheckpointError {
    var first = 0
    var found = error
    for item in index.items {
      guard block >= first + item.blockCount else {
        let number = item.hasSharedBlock ? block - first - 1 : block - first
        if number >= 0 { found = found.naming(block: number) }
        let isTensor = item.entryName != item.info.name
        found = found.naming(tensor: isTensor ? item.info.name : item.entryName)
        break
      }
      first += item.blockCount
    }
    return found.naming(file: path)
  }
}
