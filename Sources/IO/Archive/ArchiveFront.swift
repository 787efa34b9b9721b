internal import WeirTensors

/// The header and the index of an archive, read and checked against each other.
struct ArchiveFront {
  let header: SafetensorsHeader
  let index: ArchiveIndex
  let blocks: ArchiveBlocks
  /// Everything that has blocks, and which.
  let items: [(item: ArchiveItem, blocks: Range<Int>)]
  /// What is wrong with the header though all of it makes sense: its hash.
  let problem: CheckpointError?

  init(_ file: borrowing InputDescriptor, maximumByteCount: Int) throws(CheckpointError) {
    header = try SafetensorsHeader.read(file, maximumByteCount: maximumByteCount)
    try Self.check(header.metadata)
    guard let entry = header.tensors.first, entry.name == ArchiveFormat.indexName, entry.dtype == .u8,
      entry.shape.extents.count == 1
    else {
      throw Self.malformed("no '\(ArchiveFormat.indexName)' before all other data", "the archive's index")
    }
    guard entry.byteCount <= maximumByteCount else {
      throw CheckpointError(.headerTooLarge(byteCount: UInt64(entry.byteCount), limit: maximumByteCount))
    }
    let bytes = try Self.read(file, header.ranges[0])
    index = try ArchiveIndex(bytes, maximumByteCount: maximumByteCount)
    let headerBytes = try Self.read(file, 0..<header.dataOffset)
    problem = Hash128(headerBytes) == index.headerHash ? nil : CheckpointError(.corrupt("the header"))

    // The sums cannot overflow: each is compared with the file's size below only after fewer than 2^31 blocks of less than
    // 2^32 bytes were added, and an index of so many blocks is far beyond any limit.
    var offsets = [header.ranges[0].upperBound]
    offsets.reserveCapacity(index.blockByteCounts.count + 1)
    for count in index.blockByteCounts {
      let (sum, overflow) = offsets[offsets.count - 1].addingReportingOverflow(count)
      guard !overflow else { throw Self.malformed("blocks beyond 2^63 bytes", "blocks in the file") }
      offsets.append(sum)
    }
    blocks = ArchiveBlocks(offsets: offsets, checksums: index.checksums)
    var first = 0
    items = index.items.map { item in
      defer { first += item.blockCount }
      return (item, first..<first + item.blockCount)
    }
    try checkEntries()
    try checkMetadata()
  }

  static func read(_ file: borrowing InputDescriptor, _ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    let bytes = try file.read(range.count, at: range.lowerBound)
    guard bytes.count == range.count else {
      throw CheckpointError(.truncated(found: range.lowerBound + bytes.count, expected: file.byteCount))
    }
    return bytes
  }

  private static func malformed(_ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(.malformed(found: found, expected: expected))
  }

  /// Checks that the file is an archive, and one that this version reads.
  private static func check(_ metadata: [String: String]) throws(CheckpointError) {
    guard metadata[ArchiveFormat.Key.format] == ArchiveFormat.format else { throw CheckpointError(.notAnArchive) }
    let minimum = metadata[ArchiveFormat.Key.minimumReader]
    guard let minimum, let number = Int(minimum), number >= 1 else {
      throw malformed("metadata '\(ArchiveFormat.Key.minimumReader)' is \(quoted(minimum))", "a version")
    }
    guard number <= ArchiveFormat.version else {
      throw CheckpointError(.newerArchive(needed: minimum, supported: ArchiveFormat.version))
    }
  }

  /// Checks that the header's entries are those that the index calls for, in its order.
  private func checkEntries() throws(CheckpointError) {
    let expected = [ArchiveHeader.entry(ofIndex: header.tensors[0].byteCount)] + ArchiveHeader.entries(of: index)
    for (place, entry) in expected.enumerated() {
      guard place < header.tensors.count else {
        throw Self.malformed("no entry \(quoted(entry.name))", "one, by the index")
      }
      let found = header.tensors[place]
      guard found == entry else {
        throw Self.malformed(
          "entry \(quoted(found.name)) of \(found.dtype.rawValue) \(found.shape)",
          "\(quoted(entry.name)) of \(entry.dtype.rawValue) \(entry.shape), by the index")
      }
    }
    guard header.tensors.count == expected.count else {
      throw Self.malformed("entry \(quoted(header.tensors[expected.count].name))", "none that the index does not name")
    }
  }

  /// Checks that the metadata tells users what the index says.
  private func checkMetadata() throws(CheckpointError) {
    let written = ArchiveHeader.metadata(for: index, [:])
    for key in ArchiveFormat.Key.checked {
      guard header.metadata[key] == written[key] else {
        throw Self.malformed(
          "metadata '\(key)' is \(quoted(header.metadata[key]))", "\(quoted(written[key])), by the index")
      }
    }
  }

  /// The original headers, decoded.
  func shardHeaders(
    _ file: borrowing InputDescriptor, maximumByteCount: Int
  ) throws(CheckpointError) -> [(name: String, header: [UInt8])] {
    var left = maximumByteCount
    var found: [(name: String, header: [UInt8])] = []
    for (place, shard) in index.shards.enumerated() {
      let name = ArchiveFormat.shardPrefix + shard.name
      guard shard.byteCount <= left else {
        throw CheckpointError(
          .headerTooLarge(byteCount: UInt64(shard.byteCount), limit: maximumByteCount), tensor: name)
      }
      left -= shard.byteCount
      var header: [UInt8] = []
      for (number, block) in items[place].blocks.enumerated() {
        let payload = try Self.read(file, blocks[block])
        // SAFETY: the buffer lives for the call.
        guard unsafe payload.withUnsafeBytes({ unsafe BlockChecksum.of($0) }) == blocks.checksum(of: block) else {
          throw CheckpointError(.inBlock(number, .corrupt("the block")), tensor: name)
        }
        let count = min(StoredBytes.blockByteCount, shard.byteCount - header.count)
        do {
          header += try StoredBytes.decode(payload, byteCount: count)
        } catch {
          throw error.naming(block: number).naming(tensor: name)
        }
      }
      guard TensorHasher.hash(of: header) == shard.hash else {
        throw CheckpointError(.corrupt("the file"), tensor: name)
      }
      found.append((shard.name, header))
    }
    return found
  }
}

private func quoted(_ text: String?) -> String { text.map(MessageText.quoted) ?? "missing" }
