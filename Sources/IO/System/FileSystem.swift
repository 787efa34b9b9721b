#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import CSystem

/// Questions to the file system that read no file.
enum FileSystem {
  /// What a path leads to, links followed.
  enum Kind {
    case file
    case folder
    case other
  }

  /// What `path` leads to; `nil` where there is nothing that this user may see.
  static func kind(_ path: String) -> Kind? {
    guard let mode = status(path)?.st_mode else { return nil }
    switch mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// The present size of a file, `nil` where it cannot be told.
  static func byteCount(_ path: String) -> Int? { status(path).map { Int($0.st_size) } }

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

  /// The path without links and dots; `nil` where it leads nowhere.
  static func resolved(_ path: String) -> String? {
    // SAFETY: realpath returns a terminated string of its own, which is copied and freed here.
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(validatingCString: text)
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    // SAFETY: stat reads the terminated path and fills the structure during the call only.
    return unsafe stat(path, &status) == 0 ? status : nil
  }
}
