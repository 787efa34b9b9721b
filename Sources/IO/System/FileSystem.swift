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

    /// Whether both describe one and the same file or folder, whatever it is called.
    func isSame(as other: Facts) -> Bool { device == other.device && inode == other.inode }
  }

  /// Describes what stands at `path`; `nil` where nothing does or it cannot be reached.
  static func facts(_ path: String, followingLinks: Bool) -> Facts? {
    var facts = weir_path_facts()
    // SAFETY: the string is terminated, and both live for the call.
    guard unsafe weir_path_facts_of(path, followingLinks ? 1 : 0, &facts) == 0 else { return nil }
    let kind: Facts.Kind =
      switch facts.kind {
      case WEIR_FILE: .file
      case WEIR_FOLDER: .folder
      case WEIR_LINK: .link
      default: .other
      }
    return Facts(kind: kind, byteCount: Int(facts.byte_count), device: facts.device, inode: facts.inode)
  }

  /// The present size of a file, `nil` where it cannot be told.
  static func byteCount(_ path: String) -> Int? { facts(path, followingLinks: true)?.byteCount }

  /// The names in a folder, sorted by their bytes; names that are not UTF-8 are left out.
  static func names(in folder: String) throws(CheckpointError) -> [String] {
    var listing: OpaquePointer?
    // SAFETY: the listing is used in this function only and closed below, on the only way out.
    let result = unsafe weir_open_listing(folder, &listing)
    guard result == 0, let listing = unsafe listing else {
      throw CheckpointError(.cannotOpen, file: folder, errno: -result)
    }
    var names: [String] = []
    while let name = unsafe weir_next_name(listing) {
      // SAFETY: the name is terminated and valid until the next call; it is copied here.
      if let name = unsafe String(validatingCString: name) { names.append(name) }
    }
    unsafe weir_close_listing(listing)
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The path without links, `.` and `..`; `nil` where nothing stands there.
  static func realPath(_ path: String) -> String? {
    // SAFETY: given no buffer, realpath allocates the text, which is copied and freed here.
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
