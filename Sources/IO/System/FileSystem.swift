#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import CSystem

/// Questions to the file system that read no file.
enum FileSystem {
  /// What a path leads to.
  struct Facts {
    enum Kind { case file, folder, link, other }
    let kind: Kind
    let byteCount: Int
    let device: UInt64
    let inode: UInt64
    /// When its content was last changed, in nanoseconds since 1970.
    let modified: Int64

    /// Whether both describe one and the same file or folder, whatever it is called.
    func isSame(as other: Facts) -> Bool { device == other.device && inode == other.inode }
  }

  /// Describes what stands at `path`; `nil` where nothing does or it cannot be told.
  static func facts(_ path: String, followingLinks: Bool) -> Facts? {
    try? entry(at: path, followingLinks: followingLinks)
  }

  /// Describes what stands at `path`; `nil` where nothing does.
  ///
  /// - Throws: ``CheckpointError`` where the system cannot tell, which must not be taken for nothing by whoever decides by
  ///   it what is written.
  static func entry(at path: String, followingLinks: Bool) throws(CheckpointError) -> Facts? {
    var facts = weir_path_facts()
    // SAFETY: the string is terminated, and both live for the call.
    let code = unsafe -weir_path_facts_of(path, followingLinks ? 1 : 0, &facts)
    if SystemError.isMissing(code) { return nil }
    guard code == 0 else { throw CheckpointError(.cannotOpen, file: path, errno: code) }
    let kind: Facts.Kind =
      switch facts.kind {
      case WEIR_FILE: .file
      case WEIR_FOLDER: .folder
      case WEIR_LINK: .link
      default: .other
      }
    return Facts(
      kind: kind, byteCount: Int(facts.byte_count), device: facts.device, inode: facts.inode, modified: facts.modified)
  }

  /// The present size of a file, `nil` where it cannot be told.
  static func byteCount(_ path: String) -> Int? { facts(path, followingLinks: true)?.byteCount }

  /// The names in a folder, sorted by their bytes; names that are not UTF-8 are left out.
  static func names(in folder: String) throws(CheckpointError) -> [String] {
    var listing: OpaquePointer?
    // SAFETY: the listing is used in this function only and closed at its end.
    let result = unsafe weir_open_listing(folder, &listing)
    guard result == 0, let listing = unsafe listing else {
      throw CheckpointError(.cannotOpen, file: folder, errno: -result)
    }
    defer { unsafe weir_close_listing(listing) }
    var names: [String] = []
    while true {
      var name: UnsafePointer<CChar>?
      let found = unsafe weir_next_name(listing, &name)
      guard found >= 0 else { throw CheckpointError(.readFailed, file: folder, errno: -found) }
      guard found > 0, let name = unsafe name else { break }
      // SAFETY: the name is terminated and valid until the next call; it is copied here.
      if let name = unsafe String(validatingCString: name) { names.append(name) }
    }
    return names.sortedByBytes()
  }

  /// The path without links, `.` and `..`; `nil` where nothing stands there.
  static func realPath(_ path: String) throws(CheckpointError) -> String? {
    // SAFETY: given no buffer, realpath allocates the text, which is copied and freed here.
    guard let text = unsafe realpath(path, nil) else {
      let code = SystemError.last
      guard SystemError.isMissing(code) else { throw CheckpointError(.cannotOpen, file: path, errno: code) }
      return nil
    }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
