internal import WeirTensors

/// The hashes of a tensor, known when all of it has been read and computed.
public struct ArchiveHashes: Hashable, Sendable {
  /// That of the base's tensor, where there is a base.
  public let base: Hash128?
  /// That of the tensor that comes out, where it was computed.
  public let result: Hash128?

  public init(base: Hash128?, result: Hash128?) {
    self.base = base
    self.result = result
  }
}

/// Writes an archive: blocks one after the other, the index and the header at the end.
///
///     let writer = try ArchiveWriter(folder: folder, name: "x.tv.safetensors", layout: layout)
///     for each stored side file: try writer.append(bytes, sideFile: …), a piece of 2^19 bytes at a time, or copySideFile
///     for each tensor: try writer.append(payload, tensor: …, block: …)
///     try writer.finish(hashes: …, metadata: …)
///
/// Blocks come in the order of the layout: the side files that are stored, then the tensors; the headers of the shards are
/// written when the writer is made. Calls may come from any thread, one at a time.
public final class ArchiveWriter: Sendable {
  /// Where the archive stands until its folder is committed.
  public let path: String
  public let layout: ArchiveLayout
  private let state: Lock<State>

  fileprivate struct State: ~Copyable {
    var file: ArchiveFile
    var index: ArchiveIndex
    /// Everything that has blocks; tensors come last.
    var items: [ArchiveItem]
    /// The item and the block of it that come next.
    var item = 0
    var block = 0
    var isFinished = false

    init(_ file: consuming ArchiveFile, _ index: ArchiveIndex) {
      self.file = file
      self.index = index
      items = index.items
    }
  }

  /// Creates the file in a folder that is to hold this file alone.
  ///
  /// - Parameters:
  ///   - folder: the output, made with `isFile`.
  ///   - name: the file's name in it.
  ///   - layout: what the archive will hold.
  ///   - unbuffered: whether to try to write past the page cache.
  /// - Throws: ``CheckpointError`` where the file cannot be made or written.
  public init(
    folder: OutputFolder, name: String, layout: ArchiveLayout, unbuffered: Bool = true
  ) throws(CheckpointError) {
    try folder.start(name)
    path = folder.path(of: name)
    self.layout = layout
    let file = try ArchiveFile(path: path, front: layout.blocksOffset, unbuffered: unbuffered)
    state = Lock(State(file, layout.index))
    try state.withLock { (state) throws(CheckpointError) in
      for payload in layout.shardPayloads { try state.add(payload) }
    }
  }

  /// Changes how a tensor will be coded, before any block of it or of a later one was appended.
  ///
  /// The new coding may need no more blocks, nor more bytes of parameters, than the one of the layout.
  public func recode(tensor: Int, as coding: ArchiveCoding) throws(CheckpointError) {
    try state.withLock { (state) throws(CheckpointError) in
      let item = layout.shards.count + layout.sideFiles.count + tensor
      state.skipEmpty()
      precondition(
        state.item < item || (state.item == item && state.block == 0), "a tensor is recoded before it is coded")
      let planned = layout.tensors[tensor]
      if let (found, expected) = coding.problem(planned.info, base: planned.base) {
        throw CheckpointError(.malformed(found: found, expected: expected), file: path, tensor: planned.info.name)
      }
      let new = ArchiveItem(planned.info, coding)
      precondition(
        new.blockCount <= ArchiveItem(planned.info, planned.coding).blockCount
          && coding.parameterByteCount <= planned.coding.parameterByteCount,
        "a coding that needs no more room than planned")
      state.index.tensors[tensor].coding = coding
      state.items[item] = new
    }
  }

  /// Appends a block of a tensor.
  ///
  /// - Parameters:
  ///   - payload: as a codec made it.
  ///   - tensor: the tensor's place in the layout.
  ///   - block: the number of the block among those of elements.
  /// - Throws: ``CheckpointError`` where writing fails, or where no reader would take a block of this length.
  public func append(_ payload: [UInt8], tensor: Int, block: Int) throws(CheckpointError) {
    let item = layout.shards.count + layout.sideFiles.count + tensor
    try state.withLock { (state) throws(CheckpointError) in
      try state.add(payload, item, block + (state.items[item].hasSharedBlock ? 1 : 0))
    }
  }

  /// Goes past a tensor whose blocks an earlier run has appended right here, if they still are what they were.
  ///
  /// - Returns: whether they are; where not, and where this is not the next tensor, nothing has been done.
  public func keep(_ tensor: ArchivedTensor) throws(CheckpointError) -> Bool {
    guard layout.tensors.indices.contains(tensor.tensor),
      let coding = layout.tensors[tensor.tensor].coding.chosen(tensor.codec, rank: tensor.rank)
    else { return false }
    let planned = layout.tensors[tensor.tensor]
    let item = ArchiveItem(planned.info, coding)
    let isPossible =
      coding.problem(planned.info, base: planned.base) == nil && tensor.byteCounts.count == item.blockCount
      && (planned.base != nil) == (tensor.hashes.base != nil)
      && zip(0..., tensor.byteCounts).allSatisfy { item.byteCounts(ofBlock: $0).contains($1) }
    guard isPossible else { return false }
    let place = layout.shards.count + layout.sideFiles.count + tensor.tensor
    let isThere = try state.withLock { (state) throws(CheckpointError) in
      state.skipEmpty()
      guard
        item.blockCount == 0
          || state.block == 0 && state.items[state.item...place].dropLast().allSatisfy({ $0.blockCount == 0 })
      else { return false }
      return try state.holds(tensor)
    }
    guard isThere else { return false }
    try recode(tensor: tensor.tensor, as: coding)
    try state.withLock { (state) throws(CheckpointError) in try state.keep(tensor) }
    return true
  }

  /// What a tensor has become, once all its blocks have been appended.
  ///
  /// - Parameters:
  ///   - tensor: its place in the layout.
  ///   - hashes: of its base and of its result.
  ///   - nanCount: how many numbers of the result are none.
  ///   - infinityCount: how many are infinite.
  public func archived(
    _ tensor: Int, _ hashes: ArchiveHashes, nanCount: Int = 0, infinityCount: Int = 0
  ) -> ArchivedTensor {
    state.withLock { state in
      let coding = state.index.tensors[tensor].coding
      var rank = 0
      if case .lowrank(let chosen) = coding { rank = chosen }
      let item = layout.shards.count + layout.sideFiles.count + tensor
      let first = state.items[..<item].reduce(0) { $0 + $1.blockCount }
      let blocks = first..<first + state.items[item].blockCount
      return ArchivedTensor(
        tensor: tensor, codec: coding.codec.rawValue, rank: rank, hashes: hashes, nanCount: nanCount,
        infinityCount: infinityCount,
        byteCounts: Array(state.index.blockByteCounts[blocks]), checksums: Array(state.index.checksums[blocks]))
    }
  }

  /// Appends what all blocks of a tensor share, before the first of them.
  public func appendShared(_ payload: [UInt8], tensor: Int) throws(CheckpointError) {
    let item = layout.shards.count + layout.sideFiles.count + tensor
    try state.withLock { (state) throws(CheckpointError) in
      precondition(state.items[item].hasSharedBlock, "a coding with a shared block")
      try state.add(payload, item, 0)
    }
  }

  /// Appends the next 2^19 bytes, or the last, of a side file that is stored.
  public func append(_ bytes: [UInt8], sideFile: Int, block: Int) throws(CheckpointError) {
    let payload = try StoredBytes.encode(bytes)
    try state.withLock { (state) throws(CheckpointError) in
      try state.add(payload, layout.shards.count + sideFile, block)
    }
  }

  /// Appends the whole of a side file that is stored, from the file at `source`.
  ///
  /// - Throws: ``CheckpointError`` where it cannot be read, or is no longer what the layout says.
  public func copySideFile(_ sideFile: Int, from source: String) throws(CheckpointError) {
    let expected = layout.sideFiles[sideFile]
    let input = try InputDescriptor(source)
    let hasher = TensorHasher(byteCounts: [expected.byteCount])
    for block in 0..<StoredBytes.blockCount(expected.byteCount) {
      let start = block * StoredBytes.blockByteCount
      let bytes = try input.readAll(min(StoredBytes.blockByteCount, expected.byteCount - start), at: start)
      // SAFETY: the buffer lives for the call.
      unsafe _ = bytes.withUnsafeBytes { unsafe hasher.add($0, of: 0, at: start) }
      try append(bytes, sideFile: sideFile, block: block)
    }
    guard input.byteCount == expected.byteCount, hasher.hash(of: 0) == expected.hash else {
      throw CheckpointError(
        .malformed(found: "file has changed since it was first read", expected: "no change during a run"), file: source)
    }
  }

  /// Writes the index and the header, opens the archive as a reader will, and compares; at most once, after all blocks.
  ///
  /// - Parameters:
  ///   - hashes: those of each tensor, in the order of the layout.
  ///   - metadata: what users are told beyond the layout's metadata, or instead of it.
  /// - Throws: ``CheckpointError``; the folder is then not to be committed.
  public func finish(hashes: [ArchiveHashes], metadata: [String: String] = [:]) throws(CheckpointError) {
    let whole = layout.metadata.merging(metadata) { _, late in late }
    precondition(hashes.count == layout.tensors.count, "hashes of every tensor")
    try state.withLock { (state) throws(CheckpointError) in
      state.skipEmpty()
      precondition(
        !state.isFinished && state.item == state.items.count, "an archive is finished once, with all its blocks")
      state.isFinished = true
      for (place, hashes) in hashes.enumerated() {
        precondition(
          (hashes.base != nil) == (layout.tensors[place].base != nil), "the hash of a base where there is a base")
        state.index.tensors[place].baseHash = hashes.base
        state.index.tensors[place].resultHash = hashes.result
      }
      try state.finish(whole, layout)
    }
    try check()
  }

  /// Opens the finished archive and compares it with what was to be written.
  private func check() throws(CheckpointError) {
    let archive = try Archive.open(path, policy: .read, maximumHeaderBytes: .max)
    let isSame = state.withLock { state in
      archive.file.byteCount == state.file.byteCount && archive.index.tensors == state.index.tensors
        && archive.index.shards == state.index.shards && archive.index.sideFiles == state.index.sideFiles
        && archive.index.headerHash == state.index.headerHash && archive.index.checksums == state.index.checksums
        && archive.index.blockByteCounts == state.index.blockByteCounts
    }
    guard isSame else {
      throw CheckpointError(.outputDiffers(found: "another index", expected: "the one that was written"), file: path)
    }
  }
}

extension ArchiveWriter.State {
  /// Goes on to the next item that has a block to come.
  fileprivate mutating func skipEmpty() {
    while item < items.count, block >= items[item].blockCount {
      item += 1
      block = 0
    }
  }

  /// Appends the next block, which the caller says is this one.
  fileprivate mutating func add(_ payload: [UInt8], _ item: Int, _ block: Int) throws(CheckpointError) {
    skipEmpty()
    precondition(item == self.item && block == self.block, "blocks come in their order")
    try add(payload)
  }

  /// Appends the next block.
  fileprivate mutating func add(_ payload: [UInt8]) throws(CheckpointError) {
    skipEmpty()
    precondition(item < items.count && !isFinished, "a block of the layout")
    let limits = items[item].byteCounts(ofBlock: block)
    guard limits.contains(payload.count) else {
      throw CheckpointError(
        .malformed(
          found: "\(payload.count) bytes of codec \(items[item].coding.codec.rawValue)",
          expected: "\(limits.lowerBound) to \(limits.upperBound)"), file: file.path, tensor: items[item].info.name
      ).naming(block: block)
    }
    index.blockByteCounts.append(payload.count)
    // SAFETY: the buffer lives for the call.
    index.checksums.append(unsafe payload.withUnsafeBytes { unsafe BlockChecksum.of($0) })
    try file.append(payload)
    block += 1
  }

  /// Whether the file has a tensor's blocks where the next ones would come.
  fileprivate func holds(_ tensor: ArchivedTensor) throws(CheckpointError) -> Bool {
    let old = try InputDescriptor(file.path)
    var offset = file.byteCount
    for (count, checksum) in zip(tensor.byteCounts, tensor.checksums) {
      guard let bytes = try? old.readAll(count, at: offset) else { return false }
      // SAFETY: the buffer lives for the call.
      guard unsafe bytes.withUnsafeBytes({ unsafe BlockChecksum.of($0) }) == checksum else { return false }
      offset += count
    }
    return true
  }

  /// Goes past a tensor's blocks.
  fileprivate mutating func keep(_ tensor: ArchivedTensor) throws(CheckpointError) {
    skipEmpty()
    index.blockByteCounts += tensor.byteCounts
    index.checksums += tensor.checksums
    block += tensor.byteCounts.count
    try file.keep(tensor.byteCounts.reduce(0, +))
  }

  /// Writes the index and the header into the room that was held for them.
  fileprivate mutating func finish(
    _ metadata: [String: String], _ layout: ArchiveLayout
  ) throws(CheckpointError) {
    guard
      let header = ArchiveHeader.bytes(
        for: index, indexByteCount: layout.indexByteCount, metadata, room: layout.headerByteCount)
    else {
      throw CheckpointError(
        .malformed(found: "metadata that does not fit in its room", expected: "at most what was laid out"),
        file: file.path)
    }
    index.headerHash = Hash128(header)
    try file.finish(front: header + index.bytes(layout.names, byteCount: layout.indexByteCount))
  }
}
