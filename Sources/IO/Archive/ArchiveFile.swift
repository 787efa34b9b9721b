#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A file of unknown size that is written from front to back, but for its first bytes, which come last.
struct ArchiveFile: ~Copyable {
  let path: String
  /// Bytes so far, those at the front included.
  private(set) var byteCount: Int
  private let fd: Int32
  private let buffer: AlignedBuffer
  /// Where the buffer stands in the file, and how much of it is used.
  private var bufferOffset: Int
  private var used: Int
  private var isDirect: Bool

  private static let bufferByteCount = 1 << 20

  /// Creates a file whose first `front` bytes will be written by ``finish(front:)``; one of an earlier run is gone on with.
  init(path: String, front: Int, unbuffered: Bool) throws(CheckpointError) {
    let buffer = try AlignedBuffer(byteCount: Self.bufferByteCount)
    let fd: Int32
    if let earlier = try OutputCalls.openToContinue(path) {
      fd = earlier
    } else {
      fd = try OutputCalls.createFile(path)
    }
    self.path = path
    self.fd = fd
    self.buffer = buffer
    byteCount = front
    bufferOffset = front / AlignedBuffer.alignment * AlignedBuffer.alignment
    used = front - bufferOffset
    isDirect = unbuffered && OutputCalls.setDirect(fd, true)
  }

  deinit { OutputCalls.closeFile(fd) }

  mutating func append(_ bytes: [UInt8]) throws(CheckpointError) {
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Self.bufferByteCount - used)
      buffer.fill(from: bytes[start..<end], at: used)
      used += end - start
      start = end
      if used == Self.bufferByteCount { try flush() }
    }
    byteCount += bytes.count
  }

  /// Goes past bytes that an earlier run has written right here.
  mutating func keep(_ count: Int) throws(CheckpointError) {
    let old = try InputDescriptor(path)
    let (end, page) = (byteCount + count, AlignedBuffer.alignment)
    let edge = (byteCount + page - 1) / page * page
    guard end > edge else {
      try append(try old.read(count, at: byteCount))
      return
    }
    // The buffer is written in whole pages: what of the earlier run shares a page with what comes before it goes with that.
    if edge > byteCount { try append(try old.read(edge - byteCount, at: byteCount)) }
    try flush()
    bufferOffset = end / page * page
    used = end - bufferOffset
    buffer.fill(from: try old.read(used, at: bufferOffset)[...])
    byteCount = end
  }

  /// Writes the rest and the front, cuts the file to its size and forces it to the disk.
  mutating func finish(front: [UInt8]) throws(CheckpointError) {
    try flush()
    if isDirect {
      _ = OutputCalls.setDirect(fd, false)
      isDirect = false
    }
    var start = 0
    while start < front.count {
      let end = min(front.count, start + Self.bufferByteCount)
      buffer.fill(from: front[start..<end])
      try write(end - start, at: start)
      start = end
    }
    let code = OutputCalls.truncate(fd, byteCount)
    guard code == 0 else { throw CheckpointError(.writeFailed(offset: byteCount), file: path, errno: code) }
    try OutputCalls.sync(fd, path: path)
  }

  /// Writes what the buffer holds, padded to whole pages; the buffer then stands after it.
  private mutating func flush() throws(CheckpointError) {
    guard used > 0 else { return }
    try write(buffer.pad(after: used), at: bufferOffset)
    bufferOffset += used
    used = 0
  }

  private mutating func write(_ count: Int, at offset: Int) throws(CheckpointError) {
    var code = OutputCalls.write(fd, buffer, count: count, at: offset)
    if code == EINVAL, isDirect {
      // The device wants a coarser alignment than pages.
      _ = OutputCalls.setDirect(fd, false)
      isDirect = false
      code = OutputCalls.write(fd, buffer, count: count, at: offset)
    }
    guard code == 0 else {
      guard SystemError.isFull(code) else {
        throw CheckpointError(.writeFailed(offset: offset), file: path, errno: code)
      }
      throw CheckpointError(
        .noSpace(needed: count, free: freeBytes(at: path)), file: path, byteOffset: offset, errno: code)
    }
  }
}
