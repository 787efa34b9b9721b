internal import WeirTensors

extension ArchiveIndex {
  /// The bits that a tensor's details begin with.
  enum Flag {
    static let hasBase: UInt8 = 1
    static let hasBaseRows: UInt8 = 2
    static let hasResultHash: UInt8 = 4
    static let isBF16: UInt8 = 8
    static let isExact: UInt8 = 16
    static let all = hasBase | hasBaseRows | hasResultHash | isBF16 | isExact
  }

  /// What is known before anything is coded.
  struct Names {
    /// As it stands in the file.
    let bytes: [UInt8]
    /// Bytes before compression.
    let byteCount: Int
    let isCompressed: Bool
  }

  /// The names, types, shapes and sizes, compressed where that saves anything.
  func names() throws(CheckpointError) -> Names {
    let plain = plainNames
    guard let frame = try ZstdFrame.compress(plain.bytes) else { return plain }
    return Names(bytes: frame, byteCount: plain.byteCount, isCompressed: true)
  }

  /// The names, types, shapes and sizes, not compressed.
  var plainNames: Names {
    var text = ByteText()
    for tensor in tensors {
      text.append(text: tensor.info.name)
      text.append(Self.number(of: tensor.info.dtype))
      text.append(UInt8(tensor.info.shape.extents.count))
      for extent in tensor.info.shape.extents { text.append(count: extent) }
      text.append(UInt32(BlockPlace.blockLength(of: tensor.info.shape)))
    }
    for shard in shards {
      text.append(text: shard.name)
      text.append(count: shard.byteCount)
    }
    for file in sideFiles {
      text.append(text: file.name)
      text.append(UInt8(file.isStored ? 1 : 0))
      text.append(count: file.byteCount)
    }
    return Names(bytes: text.bytes, byteCount: text.bytes.count, isCompressed: false)
  }

  /// Codecs, what their blocks do not say, and hashes.
  private var details: [UInt8] {
    var text = ByteText()
    for tensor in tensors {
      var flags: UInt8 = 0
      if tensor.base != nil { flags |= Flag.hasBase }
      if tensor.base?.rowCount != nil { flags |= Flag.hasBaseRows }
      if tensor.resultHash != nil { flags |= Flag.hasResultHash }
      if tensor.coding == .dense(.bf16) { flags |= Flag.isBF16 }
      if tensor.coding == .sparse(isExact: true) { flags |= Flag.isExact }
      text.append(tensor.coding.codec.rawValue)
      text.append(flags)
      if let base = tensor.base {
        text.append(Self.number(of: base.dtype))
        if let rowCount = base.rowCount { text.append(count: rowCount) }
        text.append(tensor.baseHash ?? Hash128(high: 0, low: 0))
      }
      if let hash = tensor.resultHash { text.append(hash) }
      if let mask = tensor.coding.mask {
        text.append(mask.key)
        text.append(mask.limit)
      }
      if case .lowrank(let rank) = tensor.coding { text.append(UInt32(rank)) }
    }
    for shard in shards { text.append(shard.hash) }
    for file in sideFiles { text.append(file.hash) }
    return text.bytes
  }

  /// The bytes of an index of so many blocks that has nothing to spare.
  func byteCount(_ names: Names, blockCount: Int) -> Int {
    ArchiveFormat.headByteCount + names.bytes.count + details.count + ArchiveFormat.blockByteCount * blockCount
      + Hash128.byteCount
  }

  /// The index as it stands in a file, `byteCount` bytes long.
  func bytes(_ names: Names, byteCount: Int) -> [UInt8] {
    var text = ByteText()
    text.append(ArchiveFormat.magic)
    text.append(UInt16(ArchiveFormat.version))
    text.append(UInt16(ArchiveFormat.minimumReader))
    text.append(kind.number)
    text.append(UInt8(names.isCompressed ? 1 : 0))
    text.append(UInt16(0))
    text.append(UInt32(tensors.count))
    text.append(UInt32(shards.count))
    text.append(UInt32(sideFiles.count))
    text.append(UInt32(0))
    text.append(count: checksums.count)
    text.append(count: names.bytes.count)
    text.append(count: names.byteCount)
    text.append(headerHash)
    text.append(baseFingerprint ?? Hash128(high: 0, low: 0))
    text.append(resultFingerprint ?? Hash128(high: 0, low: 0))
    text.append(names.bytes)
    text.append(details)
    for (count, checksum) in zip(blockByteCounts, checksums) {
      text.append(UInt32(count))
      text.append(checksum)
    }
    let room = byteCount - Hash128.byteCount - text.bytes.count
    precondition(room >= 0, "the index fits in its room")
    text.append(repeatElement(UInt8(0), count: room))
    text.append(Hash128(text.bytes))
    return text.bytes
  }

  private static func number(of dtype: DType) -> UInt8 {
    UInt8(ArchiveFormat.dtypes.firstIndex(of: dtype) ?? 0)
  }
}
