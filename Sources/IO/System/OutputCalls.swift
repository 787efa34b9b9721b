#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import CSystem

/// The system calls that writing needs, without pointers: paths and descriptors in, numbers or typed errors out.
enum OutputCalls {
  // MARK: Files

  /// Creates a file that must not exist yet.
  static func createFile(_ path: String) throws(CheckpointError) -> Int32 {
    // SAFETY: the string is terminated and lives for the call.
    let fd = unsafe weir_create_file(path)
    if fd == -EEXIST { throw CheckpointError(.alreadyExists, file: path) }
    guard fd >= 0 else { throw CheckpointError(.cannotCreate, file: path, errno: -fd) }
    return fd
  }

  /// Opens a file of an earlier run to go on with it; `nil` where there is no regular file of that name.
  static func openToContinue(_ path: String) throws(CheckpointError) -> Int32? {
    guard FileSystem.facts(path, followingLinks: false)?.kind == .file else { return nil }
    // SAFETY: as above.
    let fd = unsafe weir_open(path, O_RDWR | O_NOFOLLOW, 0)
    guard fd >= 0 else { throw CheckpointError(.cannotOpen, file: path, errno: -fd) }
    return fd
  }

  /// Opens a file or folder for reading.
  private static func openForReading(_ path: String) throws(CheckpointError) -> Int32 {
    // SAFETY: as above.
    let fd = unsafe weir_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard fd >= 0 else {
      throw CheckpointError(fd == -ENOENT ? .notFound : .cannotOpen, file: path, errno: fd == -ENOENT ? nil : -fd)
    }
    return fd
  }

  /// Closes a descriptor; `false` where the system reports that bytes may be lost.
  @discardableResult
  static func closeFile(_ fd: Int32) -> Bool { close(fd) == 0 || SystemError.last == EINTR }

  /// Turns unbuffered writing on or off; `false` where the file system cannot.
  static func setDirect(_ fd: Int32, _ on: Bool) -> Bool { weir_set_direct(fd, on ? 1 : 0) == 0 }

  /// Sizes a file and reserves its room; returns an error number, 0 for success.
  static func preallocate(_ fd: Int32, _ byteCount: Int) -> Int32 { -weir_preallocate(fd, Int64(byteCount)) }

  /// Writes the first `count` bytes of a buffer at `offset`; returns an error number, 0 for success.
  static func write(_ fd: Int32, _ buffer: borrowing AlignedBuffer, count: Int, at offset: Int) -> Int32 {
    precondition(count <= buffer.byteCount, "more bytes than the buffer holds")
    // SAFETY: the count was checked, and the buffer is borrowed, hence mapped, for the call.
    return unsafe -weir_write_at(fd, buffer.bytes.baseAddress, count, Int64(offset))
  }

  /// Writes bytes at `offset`; returns an error number, 0 for success.
  static func write(_ fd: Int32, _ bytes: [UInt8], at offset: Int) -> Int32 {
    // SAFETY: the buffer and its count are the array's own, which lives for the call.
    unsafe bytes.withUnsafeBytes { unsafe -weir_write_at(fd, $0.baseAddress, $0.count, Int64(offset)) }
  }

  /// Cuts or extends a file; returns an error number, 0 for success.
  static func truncate(_ fd: Int32, _ byteCount: Int) -> Int32 {
    while ftruncate(fd, off_t(byteCount)) != 0 {
      let code = SystemError.last
      if code != EINTR { return code }
    }
    return 0
  }

  /// Forces a file or folder to the device.
  static func sync(_ fd: Int32, path: String) throws(CheckpointError) {
    let code = -weir_sync(fd)
    guard code == 0 else { throw CheckpointError(.syncFailed, file: path, errno: code) }
  }

  /// Forces the file or folder at `path` to the device.
  static func sync(path: String) throws(CheckpointError) {
    let fd = try openForReading(path)
    defer { closeFile(fd) }
    try sync(fd, path: path)
  }

  // MARK: Paths

  /// Makes one folder; returns an error number, 0 for success.
  static func makeFolder(_ path: String) -> Int32 {
    // SAFETY: the string is terminated and lives for the call.
    unsafe mkdir(path, 0o777) == 0 ? 0 : SystemError.last
  }

  /// Removes one folder if it is empty.
  @discardableResult
  static func removeEmptyFolder(_ path: String) -> Bool {
    // SAFETY: as above.
    unsafe rmdir(path) == 0
  }

  /// Removes a file, or a folder and all below it, following no links; returns an error number, 0 for success.
  @discardableResult
  static func removeTree(_ path: String) -> Int32 {
    // SAFETY: as above.
    unsafe -weir_remove_tree(path)
  }

  /// How a rename treats what stands at its target.
  enum RenameMode { case new, replacing, swapping }

  /// Renames; returns an error number, 0 for success.
  static func rename(_ source: String, to target: String, _ mode: RenameMode) -> Int32 {
    // SAFETY: both strings are terminated and live for the call.
    switch mode {
    case .new: unsafe -weir_rename_new(source, target)
    case .swapping: unsafe -weir_rename_swap(source, target)
    #if canImport(Glibc)
      case .replacing: unsafe Glibc.rename(source, target) == 0 ? 0 : SystemError.last
    #else
      case .replacing: unsafe Darwin.rename(source, target) == 0 ? 0 : SystemError.last
    #endif
    }
  }

  /// Makes and locks a file for this process; a descriptor, or a negative error number.
  static func lockFile(_ path: String) -> Int32 {
    // SAFETY: the string is terminated and lives for the call.
    unsafe weir_lock_file(path)
  }

  /// Lets go of what ``lockFile(_:)`` has locked.
  static func unlockFile(_ lock: Int32) { weir_unlock_file(lock) }

  /// Bytes that may still be written on the file system that holds `path`.
  static func freeBytes(_ path: String) -> Int? {
    // SAFETY: as above.
    let bytes = unsafe weir_free_bytes(path)
    return bytes < 0 ? nil : Int(bytes)
  }
}
