internal import WeirTensors

extension ArchiveIndex {
  /// Reads an index and checks all that can be checked without the rest of the file.
  ///
  /// - Throws: ``CheckpointError`` that names no file.
  init(_ bytes: [UInt8], maximumByteCount: Int) throws(CheckpointError) {
    let end = bytes.count - Hash128.byteCount
    guard end >= ArchiveFormat.headByteCount else {
      throw Self.malformed("an index of \(bytes.count) bytes", "at least \(ArchiveFormat.headByteCount + 16)")
    }
    var cursor = ByteCursor(bytes[..<end], of: "the index")
    guard try cursor.take(ArchiveFormat.magic.count).elementsEqual(ArchiveFormat.magic) else {
      throw Self.malformed("an index that begins otherwise", "'TVAINDEX'")
    }
    _ = try cursor.number(UInt16.self)
    let minimum = try cursor.number(UInt16.self)
    guard minimum <= ArchiveFormat.version else {
      throw CheckpointError(.newerArchive(needed: "\(minimum)", supported: ArchiveFormat.version))
    }
    // SAFETY: the buffer lives for the call.
    let hash = unsafe bytes.withUnsafeBytes { unsafe Hash128(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
    guard hash == Hash128(canonical: bytes[end...]) else { throw CheckpointError(.corrupt("the index")) }
    self = try Self.parse(&cursor, maximumByteCount)
  }

  private static func malformed(_ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(.malformed(found: found, expected: expected))
  }

  private static func parse(
    _ cursor: inout ByteCursor, _ maximumByteCount: Int
  ) throws(CheckpointError) -> ArchiveIndex {
    let kindNumber = try cursor.number(UInt8.self)
    guard let kind = ArchiveKind.allCases.first(where: { $0.number == kindNumber }) else {
      throw malformed("an archive of kind \(kindNumber)", "0 to 2")
    }
    let coding = try cursor.number(UInt8.self)
    let reserved = try cursor.number(UInt16.self)
    let tensorCount = Int(try cursor.number(UInt32.self))
    let shardCount = Int(try cursor.number(UInt32.self))
    let sideFileCount = Int(try cursor.number(UInt32.self))
    guard coding <= 1, reserved == 0, try cursor.number(UInt32.self) == 0 else {
      throw malformed("a head with bits that this version does not know", "none")
    }
    let blockCount = try cursor.count(of: "blocks")
    let namesByteCount = try cursor.count(of: "bytes of names")
    let plainByteCount = try cursor.count(of: "bytes of names")
    let headerHash = try cursor.hash()
    let baseFingerprint = try cursor.hash()
    let resultFingerprint = try cursor.hash()
    guard plainByteCount <= maximumByteCount else {
      throw CheckpointError(.headerTooLarge(byteCount: UInt64(plainByteCount), limit: maximumByteCount))
    }
    let names = try cursor.take(namesByteCount)
    // What names, once decompressed, make room for must be in the file too.
    guard 2 * tensorCount + 16 * (shardCount + sideFileCount) <= cursor.left else {
      throw malformed("\(tensorCount) tensors in \(cursor.left) bytes of index", "room for them")
    }
    guard let plain = coding == 0 ? Array(names) : ZstdFrame.decompress(names, byteCount: plainByteCount),
      plain.count == plainByteCount
    else { throw malformed("a table of names that is no frame of \(plainByteCount) bytes", "one") }
    var index = try readNames(
      ByteCursor(plain[...], of: "the table of names"), tensorCount, shardCount, sideFileCount, kind, headerHash)
    for place in index.tensors.indices { try index.readDetails(&cursor, place) }
    for place in index.shards.indices { index.shards[place].hash = try cursor.hash() }
    for place in index.sideFiles.indices { index.sideFiles[place].hash = try cursor.hash() }
    try index.check()
    try index.readBlocks(&cursor, blockCount)
    guard try cursor.take(cursor.left).allSatisfy({ $0 == 0 }) else {
      throw malformed("an index with bytes after the last block", "zeros")
    }
    let none = Hash128(high: 0, low: 0)
    guard baseFingerprint == index.baseFingerprint ?? none, resultFingerprint == index.resultFingerprint ?? none else {
      throw malformed("a fingerprint that is not that of the tensors' hashes", "the same")
    }
    return index
  }

  private static func readNames(
    _ table: ByteCursor, _ tensorCount: Int, _ shardCount: Int, _ sideFileCount: Int, _ kind: ArchiveKind,
    _ headerHash: Hash128
  ) throws(CheckpointError) -> ArchiveIndex {
    var table = table
    let none = Hash128(high: 0, low: 0)
    var index = ArchiveIndex(kind: kind, tensors: [], shards: [], sideFiles: [], headerHash: headerHash)
    for _ in 0..<tensorCount {
      let name = try table.text()
      let number = Int(try table.number(UInt8.self))
      guard number < ArchiveFormat.dtypes.count else {
        throw malformed("dtype \(number)", "0 to \(ArchiveFormat.dtypes.count - 1)").naming(tensor: name)
      }
      let dtype = ArchiveFormat.dtypes[number]
      var extents: [Int] = []
      for _ in 0..<Int(try table.number(UInt8.self)) { extents.append(try table.count(of: "rows")) }
      guard let shape = Shape(extents), !shape.elementCount.multipliedReportingOverflow(by: dtype.byteCount).overflow
      else { throw CheckpointError(.shapeTooLarge(extents, dtype: dtype.rawValue), tensor: name) }
      let blockLength = Int(try table.number(UInt32.self))
      guard blockLength == BlockPlace.blockLength(of: shape) else {
        let expected = "\(BlockPlace.blockLength(of: shape)) for shape \(shape)"
        throw malformed("blocks of \(blockLength) elements", expected).naming(tensor: name)
      }
      index.tensors.append(Tensor(info: TensorInfo(name: name, dtype: dtype, shape: shape), coding: .stored))
    }
    for _ in 0..<shardCount {
      index.shards.append(Shard(name: try table.text(), byteCount: try table.count(of: "bytes"), hash: none))
    }
    for _ in 0..<sideFileCount {
      let name = try table.text()
      let isStored = try table.number(UInt8.self)
      guard isStored <= 1 else { throw malformed("a side file that is stored \(isStored)", "0 or 1") }
      let count = try table.count(of: "bytes")
      index.sideFiles.append(SideFile(name: name, byteCount: count, isStored: isStored == 1, hash: none))
    }
    try table.finish()
    return index
  }

  private mutating func readDetails(_ cursor: inout ByteCursor, _ place: Int) throws(CheckpointError) {
    let name = tensors[place].info.name
    let number = try cursor.number(UInt8.self)
    guard let codec = ArchiveCodec(rawValue: number) else {
      let last = ArchiveCodec.allCases.count - 1
      throw Self.malformed("codec \(number)", "one that this version knows, 0 to \(last)").naming(tensor: name)
    }
    let flags = try cursor.number(UInt8.self)
    guard flags & ~Flag.all == 0, flags & Flag.isBF16 == 0 || codec == .dense,
      flags & Flag.isExact == 0 || codec == .sparse,
      flags & Flag.hasBaseRows == 0 || flags & Flag.hasBase != 0
    else { throw Self.malformed("flags \(flags)", "those of codec \(number)").naming(tensor: name) }
    if flags & Flag.hasBase != 0 {
      let number = Int(try cursor.number(UInt8.self))
      guard number < ArchiveFormat.dtypes.count else {
        throw Self.malformed("dtype \(number) of the base", "0 to \(ArchiveFormat.dtypes.count - 1)")
          .naming(tensor: name)
      }
      let rowCount = flags & Flag.hasBaseRows == 0 ? nil : try cursor.count(of: "rows")
      tensors[place].base = ArchiveBase(dtype: ArchiveFormat.dtypes[number], rowCount: rowCount)
      tensors[place].baseHash = try cursor.hash()
    }
    if flags & Flag.hasResultHash != 0 { tensors[place].resultHash = try cursor.hash() }
    switch codec {
    case .same: tensors[place].coding = .same
    case .stored: tensors[place].coding = .stored
    case .dense: tensors[place].coding = .dense(flags & Flag.isBF16 == 0 ? .f32 : .bf16)
    case .ternary: tensors[place].coding = .ternary
    case .ternaryPlane: tensors[place].coding = .ternaryPlane
    case .ternaryContext: tensors[place].coding = .ternaryContext
    case .sign: tensors[place].coding = .sign
    case .seeded, .dare:
      let key = try cursor.number(UInt64.self)
      let mask = SeededMask(key: key, limit: try cursor.number(UInt64.self))
      tensors[place].coding = codec == .seeded ? .seeded(mask) : .dare(mask)
    case .sparse: tensors[place].coding = .sparse(isExact: flags & Flag.isExact != 0)
    case .lossless: tensors[place].coding = .lossless
    case .lowrank: tensors[place].coding = .lowrank(rank: Int(try cursor.number(UInt32.self)))
    }
  }

  /// Reads the lengths and checksums of the blocks, as many as the items have.
  private mutating func readBlocks(_ cursor: inout ByteCursor, _ blockCount: Int) throws(CheckpointError) {
    guard blockCount <= cursor.left / ArchiveFormat.blockByteCount else {
      throw Self.malformed("\(blockCount) blocks in \(cursor.left) bytes of index", "room for them")
    }
    var found = 0
    for item in items { found += min(item.blockCount, blockCount + 1) }
    guard found == blockCount else {
      throw Self.malformed("\(blockCount) blocks", "those that the shapes and codecs of the tensors call for")
    }
    blockByteCounts.reserveCapacity(blockCount)
    checksums.reserveCapacity(blockCount)
    for item in items {
      for place in 0..<item.blockCount {
        let count = Int(try cursor.number(UInt32.self))
        let limits = item.byteCounts(ofBlock: place)
        guard limits.contains(count) else {
          throw Self.malformed("\(count) bytes", "\(limits.lowerBound) to \(limits.upperBound)")
            .naming(block: place).naming(tensor: item.entryName)
        }
        blockByteCounts.append(count)
        checksums.append(try cursor.number(UInt64.self))
      }
    }
  }
}
