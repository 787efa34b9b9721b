#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import Synchronization

/// One file being written: blocks at their places, in any order and from any thread.
///
/// Blocks start at multiples of 4096 and are written unbuffered where the file system allows it, which is found by
/// trying. The file holds room for its last block's padding until ``finish()`` cuts it to size.
public final class OutputFileWriter: Sendable {
  public let path: String

  /// Bytes that the finished file has.
  public let byteCount: Int

  private let fd: Int32
  private let direct: Atomic<Bool>
  private let isClosed = Atomic<Bool>(false)

  /// Creates the file, which must not exist, and reserves its room on the disk where the file system can.
  ///
  /// - Parameters:
  ///   - path: where; the folder must exist.
  ///   - byteCount: bytes that the finished file has.
  ///   - unbuffered: whether to try to write past the page cache.
  ///   - continues: whether a file of an earlier run may stand there, to go on with.
  /// - Throws: ``CheckpointError`` of kind `.alreadyExists`, `.cannotCreate` or `.noSpace`; nothing is left behind then but
  ///   the earlier run's file.
  public init(
    path: String, byteCount: Int, unbuffered: Bool = true, continues: Bool = false
  ) throws(CheckpointError) {
    precondition(byteCount >= 0, "a file has no negative size")
    let earlier = continues ? try OutputCalls.openToContinue(path) : nil
    let fd: Int32
    if let earlier { fd = earlier } else { fd = try OutputCalls.createFile(path) }
    let padded = (byteCount + AlignedBuffer.alignment - 1) / AlignedBuffer.alignment * AlignedBuffer.alignment
    let code = OutputCalls.preallocate(fd, padded)
    guard code == 0 else {
      OutputCalls.closeFile(fd)
      if earlier == nil { OutputCalls.removeTree(path) }
      guard SystemError.isFull(code) else { throw CheckpointError(.cannotCreate, file: path, errno: code) }
      throw CheckpointError(.noSpace(needed: padded, free: freeBytes(at: path)), file: path, errno: code)
    }
    self.path = path
    self.byteCount = byteCount
    self.fd = fd
    direct = Atomic(unbuffered && OutputCalls.setDirect(fd, true))
  }

  deinit {
    if !isClosed.load(ordering: .acquiring) { OutputCalls.closeFile(fd) }
  }

  /// Whether ``finish()`` was called.
  var isFinished: Bool { isClosed.load(ordering: .acquiring) }

  /// Whether blocks go past the page cache.
  public var isUnbuffered: Bool { direct.load(ordering: .relaxed) }

  /// Writes the first `count` bytes of `buffer` at `offset`.
  ///
  /// `count` is a multiple of 4096, except for the block that ends the file: its padding, up to the next multiple, is
  /// zeroed in `buffer` and written with it.
  ///
  /// - Parameters:
  ///   - buffer: the bytes; nobody else writes to it during the call.
  ///   - count: how many of its first bytes belong to the file.
  ///   - offset: where in the file, a multiple of 4096.
  /// - Throws: ``CheckpointError`` of kind `.writeFailed` or `.noSpace`.
  public func write(_ buffer: borrowing AlignedBuffer, count: Int, at offset: Int) throws(CheckpointError) {
    precondition(!isClosed.load(ordering: .acquiring), "a finished file takes no more blocks")
    precondition(offset >= 0 && offset % AlignedBuffer.alignment == 0, "a block starts at a multiple of 4096")
    precondition(count >= 0 && offset <= byteCount - count, "a block ends within the file")
    precondition(
      count % AlignedBuffer.alignment == 0 || offset + count == byteCount,
      "a block is a multiple of 4096 bytes, or ends the file")
    guard count > 0 else { return }
    let padded = buffer.pad(after: count)
    // Asked before the write: another thread may fall back during it.
    let wasUnbuffered = direct.load(ordering: .acquiring)
    var code = OutputCalls.write(fd, buffer, count: padded, at: offset)
    if code == EINVAL, wasUnbuffered {
      // The device wants a coarser alignment than pages: from now on through the page cache. The descriptor changes
      // first, so that a thread that finds the mark cleared does write through the cache.
      _ = OutputCalls.setDirect(fd, false)
      direct.store(false, ordering: .releasing)
      code = OutputCalls.write(fd, buffer, count: padded, at: offset)
    }
    guard code == 0 else { throw failure(code, offset: offset, count: padded) }
  }

  /// Writes bytes that are not in an ``AlignedBuffer``, a header say, in pieces of at most a MiB.
  ///
  /// - Parameters:
  ///   - bytes: as many as a block may have: a multiple of 4096, or up to the end of the file.
  ///   - offset: where in the file, a multiple of 4096.
  /// - Throws: ``CheckpointError`` of kind `.writeFailed`, `.noSpace` or `.outOfMemory`.
  public func write(_ bytes: [UInt8], at offset: Int) throws(CheckpointError) {
    let piece = 1 << 20
    let buffer = try AlignedBuffer(byteCount: min(piece, bytes.count))
    var start = 0
    while start < bytes.count {
      let end = min(start + piece, bytes.count)
      buffer.fill(from: bytes[start..<end])
      try write(buffer, count: end - start, at: offset + start)
      start = end
    }
  }

  /// Cuts the file to its size, forces it to the disk, checks the size and closes it; at most once, after all writes.
  ///
  /// - Throws: ``CheckpointError`` of kind `.writeFailed`, `.syncFailed` or `.outputDiffers`.
  public func finish() throws(CheckpointError) {
    let wasClosed = isClosed.exchange(true, ordering: .acquiringAndReleasing)
    precondition(!wasClosed, "a file is finished once")
    defer { OutputCalls.closeFile(fd) }
    let code = OutputCalls.truncate(fd, byteCount)
    guard code == 0 else { throw CheckpointError(.writeFailed(offset: byteCount), file: path, errno: code) }
    try OutputCalls.sync(fd, path: path)
    let found = FileSystem.facts(path, followingLinks: false)?.byteCount
    guard found == byteCount else {
      throw CheckpointError(
        .outputDiffers(found: found.map { "\($0) bytes" } ?? "disappeared", expected: "\(byteCount)"), file: path)
    }
  }

  private func failure(_ code: Int32, offset: Int, count: Int) -> CheckpointError {
    guard SystemError.isFull(code) else {
      return CheckpointError(.writeFailed(offset: offset), file: path, errno: code)
    }
    return CheckpointError(
      .noSpace(needed: byteCount - offset, free: freeBytes(at: path)), file: path, byteOffset: offset, errno: code)
  }
}
