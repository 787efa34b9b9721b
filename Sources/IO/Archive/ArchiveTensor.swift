public import WeirTensors

/// One tensor of an archive.
public struct ArchiveTensor: Hashable, Sendable {
  /// Name, type and shape of the tuned tensor.
  public let info: TensorInfo
  public let coding: ArchiveCoding
  /// What it applies to, if anything.
  public let base: ArchiveBase?
  /// The hash of the base's tensor; there is one where there is a base.
  public let baseHash: Hash128?
  /// The hash of the tensor that comes out.
  public let resultHash: Hash128?
  /// The number in ``Archive/blocks`` of what all blocks of the tensor share.
  public let sharedBlock: Int?
  /// The numbers in ``Archive/blocks`` of the blocks of elements.
  public let blocks: Range<Int>

  /// The codec, as numbered in the file.
  public var codec: ArchiveCodec { coding.codec }

  /// The elements of every block but the last.
  public var blockLength: Int { BlockPlace.blockLength(of: info.shape) }

  /// Where block `index` of the tensor lies, counted from its first.
  public func place(ofBlock index: Int) -> BlockPlace? {
    BlockPlace(block: index, of: info.shape, dtype: info.dtype)
  }
}

/// One weights file of the tuned checkpoint.
public struct ArchiveShard: Hashable, Sendable {
  public let name: String
  /// The file's first bytes, up to its data.
  public let header: [UInt8]
  /// Its tensors, as places in ``Archive/tensors``, in the order of their data.
  public let tensors: Range<Int>
  /// Bytes of the whole file.
  public let fileByteCount: Int
}

/// A small file that stands beside the tuned checkpoint's weights.
public struct ArchiveSideFile: Hashable, Sendable {
  /// Its path in the folder.
  public let name: String
  public let byteCount: Int
  /// The hash of its bytes, taken as a tensor's.
  public let hash: Hash128
  /// The numbers of its blocks; `nil` where it is the base's own file.
  public let blocks: Range<Int>?

  /// Whether the file is to be taken from the base.
  public var isSameAsBase: Bool { blocks == nil }
}

/// Where an archive's blocks stand: one after the other, from the end of the index to the end of the file.
public struct ArchiveBlocks: Sendable {
  /// The first byte of each block, and the end of the last.
  private let offsets: [Int]
  private let checksums: [UInt64]

  init(offsets: [Int], checksums: [UInt64]) {
    self.offsets = offsets
    self.checksums = checksums
  }

  /// The number of blocks.
  public var count: Int { checksums.count }

  /// The bytes of a block, counted from the first of the file.
  public subscript(block: Int) -> Range<Int> { offsets[block]..<offsets[block + 1] }

  /// The bytes of blocks that follow each other.
  public subscript(blocks: Range<Int>) -> Range<Int> { offsets[blocks.lowerBound]..<offsets[blocks.upperBound] }

  /// The XXH3-64 of a block's bytes.
  public func checksum(of block: Int) -> UInt64 { checksums[block] }
}
