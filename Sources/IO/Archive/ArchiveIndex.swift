internal import WeirTensors

/// What stands in `__tva_index__`.
///
///     head        104 bytes
///     names       what is known before anything is coded: names, types, shapes, sizes; plain or one Zstandard frame
///     details     codecs, what their blocks do not say, hashes
///     blocks      per block its length, u32, and its XXH3-64, u64
///     spare room  zeros
///     hash        XXH3-128 of all before it
///
/// Numbers are unsigned, least significant byte first; hashes are in canonical form, most significant byte first.
struct ArchiveIndex {
  struct Tensor: Equatable {
    var info: TensorInfo
    var coding: ArchiveCoding
    var base: ArchiveBase?
    var baseHash: Hash128?
    var resultHash: Hash128?
  }

  struct Shard: Equatable {
    var name: String
    var byteCount: Int
    var hash: Hash128
  }

  struct SideFile: Equatable {
    var name: String
    var byteCount: Int
    var isStored: Bool
    var hash: Hash128
  }

  var kind: ArchiveKind
  var tensors: [Tensor]
  var shards: [Shard]
  var sideFiles: [SideFile]
  var headerHash: Hash128
  var blockByteCounts: [Int] = []
  var checksums: [UInt64] = []

  /// The hash of the tensors of the base that are read; `nil` where none is.
  var baseFingerprint: Hash128? {
    let read = tensors.compactMap { tensor in tensor.baseHash.map { (name: tensor.info.name, hash: $0) } }
    return read.isEmpty ? nil : Fingerprint.of(read)
  }

  /// The hash of what comes out; `nil` where that of some tensor is not known.
  var resultFingerprint: Hash128? {
    let known = tensors.compactMap { tensor in tensor.resultHash.map { (name: tensor.info.name, hash: $0) } }
    return known.isEmpty || known.count < tensors.count ? nil : Fingerprint.of(known)
  }

  /// Everything that has blocks, in the order of the blocks.
  var items: [ArchiveItem] {
    shards.map { ArchiveItem(bytesNamed: ArchiveFormat.shardPrefix + $0.name, count: $0.byteCount) }
      + sideFiles.map {
        ArchiveItem(bytesNamed: ArchiveFormat.sideFilePrefix + $0.name, count: $0.isStored ? $0.byteCount : 0)
      } + tensors.map { ArchiveItem($0.info, $0.coding) }
  }
}

/// A tensor, or bytes that are stored as a vector of U8: what becomes one entry of the file.
struct ArchiveItem {
  /// The entry's name; an item without blocks has no entry.
  let entryName: String
  let info: TensorInfo
  let coding: ArchiveCoding
  let hasSharedBlock: Bool
  /// Blocks in all.
  let blockCount: Int

  init(bytesNamed name: String, count: Int) {
    self.init(name, TensorInfo(name: name, dtype: .u8, shape: Shape(vector: count)), .stored)
  }

  init(_ tensor: TensorInfo, _ coding: ArchiveCoding) {
    let isDense = coding.codec == .dense
    self.init(tensor.name + (isDense ? ArchiveFormat.denseSuffix : ArchiveFormat.codedSuffix), tensor, coding)
  }

  private init(_ entryName: String, _ info: TensorInfo, _ coding: ArchiveCoding) {
    self.entryName = entryName
    self.info = info
    self.coding = coding
    hasSharedBlock = coding.hasSharedBlock(of: info.shape)
    blockCount = coding.blockCount(of: info.shape) + (hasSharedBlock ? 1 : 0)
  }

  /// The lengths that block `index`, the shared one first, can have.
  func byteCounts(ofBlock index: Int) -> ClosedRange<Int> {
    if hasSharedBlock, index == 0 { return coding.sharedByteCounts(of: info.shape) }
    let place = BlockPlace(block: hasSharedBlock ? index - 1 : index, of: info.shape, dtype: info.dtype)
    return place.map { coding.byteCounts(of: $0) } ?? 0...0
  }

  /// The most bytes of all blocks together.
  var maximumByteCount: Int {
    (0..<blockCount).reduce(0) { $0 + byteCounts(ofBlock: $1).upperBound }
  }

  /// The entry of the file that holds the blocks, `byteCount` bytes long; `nil` where there are none.
  func entry(byteCount: Int) -> TensorInfo? {
    guard blockCount > 0 else { return nil }
    if case .dense(let dtype) = coding { return TensorInfo(name: entryName, dtype: dtype, shape: info.shape) }
    return TensorInfo(name: entryName, dtype: .u8, shape: Shape(vector: byteCount))
  }
}
