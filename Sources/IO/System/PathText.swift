/// Paths as text: only what checkpoints and outputs need, with `/` between names.
enum PathText {
  /// The path without slashes at its end; `/` stays.
  static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// The last name of a path: `c` of `a/b/c/`.
  static func name(of path: String) -> String {
    let path = trimmed(path)
    return path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The folder of a path: `a/b` of `a/b/c`, `.` of `c`, `/` of `/c`.
  static func parent(of path: String) -> String {
    let path = trimmed(path)
    guard let slash = path.lastIndex(of: "/") else { return path == "." ? "/" : "." }
    return slash == path.startIndex ? "/" : trimmed(String(path[..<slash]))
  }

  /// `name` in `folder`.
  static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// Whether `name` names something directly in its folder, wherever it is put.
  static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 }
  }
}
