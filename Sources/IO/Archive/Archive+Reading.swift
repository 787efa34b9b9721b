internal import WeirTensors

extension Archive {
  /// The whole of a side file that is stored; for those that are taken from the base, nothing.
  ///
  /// - Throws: ``CheckpointError`` where a block is not what was written.
  public func contents(of file: ArchiveSideFile) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    try read(file) { (piece) throws(CheckpointError) in bytes += piece }
    return bytes
  }

  /// Adds a side file that is stored to an output, under its name.
  ///
  /// - Throws: ``CheckpointError`` where a block is not what was written, or the file cannot be written.
  public func write(_ file: ArchiveSideFile, into folder: OutputFolder) throws(CheckpointError) {
    try folder.start(file.name)
    let writer = try OutputFileWriter(path: folder.path(of: file.name), byteCount: file.byteCount, unbuffered: false)
    var offset = 0
    try read(file) { (piece) throws(CheckpointError) in
      try writer.write(piece, at: offset)
      offset += piece.count
    }
    try writer.finish()
  }

  /// Gives a stored file's bytes piece by piece, and checks the hash of the whole.
  func read(
    _ file: ArchiveSideFile, _ body: ([UInt8]) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard let numbers = file.blocks else { return }
    var reader = WindowReader(reach: 0)
    let hasher = TensorHasher(byteCounts: [file.byteCount])
    var offset = 0
    for block in numbers {
      // SAFETY: the window stays until the next is opened.
      let payload = try unsafe reader.open(self.file, blocks[block], slot: 0)
      try unsafe check(payload, block: block)
      let piece: [UInt8]
      do throws(CheckpointError) {
        piece = try StoredBytes.decode(
          unsafe Array(payload), byteCount: min(StoredBytes.blockByteCount, file.byteCount - offset))
      } catch {
        throw naming(error, block: block)
      }
      // SAFETY: the buffer lives for the call.
      unsafe _ = piece.withUnsafeBytes { unsafe hasher.add($0, of: 0, at: offset) }
      offset += piece.count
      try body(piece)
    }
    guard hasher.hash(of: 0) == file.hash else {
      throw CheckpointError(.corrupt("the file"), file: path, tensor: ArchiveFormat.sideFilePrefix + file.name)
    }
    try self.file.checkIntact()
  }
}
