internal import CSystem

/// A regular file that is open for reading; closed when it goes.
struct InputDescriptor: ~Copyable {
  let path: String
  let byteCount: Int
  /// What is the same for two paths that lead to one file.
  let identity: FileIdentity
  /// When its content was last changed, in nanoseconds since 1970.
  let modified: Int64
  private let descriptor: Int32

  init(_ path: String) throws(CheckpointError) {
    var facts = weir_input_facts()
    // SAFETY: the C function reads the terminated path and fills the facts during the call only.
    let descriptor = unsafe weir_open_input(path, &facts)
    guard descriptor >= 0 else { throw Self.openError(-descriptor, path) }
    guard facts.is_regular != 0, let byteCount = Int(exactly: facts.byte_count) else {
      weir_close_input(descriptor)
      throw CheckpointError(.notARegularFile, file: path)
    }
    self.path = path
    self.byteCount = byteCount
    identity = FileIdentity(device: facts.device, inode: facts.inode)
    modified = facts.modified
    self.descriptor = descriptor
  }

  deinit { weir_close_input(descriptor) }

  /// Whether page faults on the file would cost a round trip to another machine or process.
  var isRemote: Bool { weir_is_remote(descriptor) != 0 }

  /// Reads up to `count` bytes from `offset` on: fewer only where the file ends.
  func read(_ count: Int, at offset: Int = 0) throws(CheckpointError) -> [UInt8] {
    var got: Int64 = 0
    // SAFETY: the C function writes at most `count` bytes, which is the capacity, and says how many it wrote.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      got = unsafe weir_read_at(descriptor, buffer.baseAddress, count, Int64(offset))
      initialised = Int(max(0, got))
    }
    guard got >= 0 else { throw CheckpointError(.readFailed, file: path, byteOffset: offset, errno: Int32(-got)) }
    return bytes
  }

  /// Reads `count` bytes from `offset` on; an error where the file ends before.
  func readAll(_ count: Int, at offset: Int = 0) throws(CheckpointError) -> [UInt8] {
    let bytes = try read(count, at: offset)
    guard bytes.count == count else {
      throw CheckpointError(.truncated(found: offset + bytes.count, expected: byteCount), file: path)
    }
    return bytes
  }

  /// Fills `buffer` from `offset` on; an error where the file ends before.
  func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(CheckpointError) {
    // SAFETY: the C function writes within the buffer, which its owner keeps alive during the call.
    let got = unsafe weir_read_at(descriptor, buffer.baseAddress, buffer.count, Int64(offset))
    guard got >= 0 else { throw CheckpointError(.readFailed, file: path, byteOffset: offset, errno: Int32(-got)) }
    guard got == buffer.count else {
      throw CheckpointError(.truncated(found: FileSystem.byteCount(path), expected: byteCount), file: path)
    }
  }

  /// Maps the whole file; `nil` where the system has no room for it.
  func map() -> MappedRegion? {
    guard byteCount > 0 else { return nil }
    return MappedRegion(descriptor: descriptor, byteCount: byteCount)
  }

  private static func openError(_ number: Int32, _ path: String) -> CheckpointError {
    SystemError.isMissing(number)
      ? CheckpointError(.notFound, file: path) : CheckpointError(.cannotOpen, file: path, errno: number)
  }
}

/// What is the same for two paths that lead to one file.
public struct FileIdentity: Hashable, Sendable {
  public let device: UInt64
  public let inode: UInt64
}
