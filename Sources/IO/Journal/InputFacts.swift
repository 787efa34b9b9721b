/// What tells whether an input is still the file that it was, without reading its weights.
public struct InputFacts: Hashable, Sendable {
  /// The path without links.
  public let path: String
  public let byteCount: Int
  /// When its content was last changed, in nanoseconds since 1970.
  public let modified: Int
  /// The hash of a safetensors header, or of a text.
  public let header: Hash128

  public init(path: String, byteCount: Int, modified: Int, header: Hash128) {
    self.path = path
    self.byteCount = byteCount
    self.modified = modified
    self.header = header
  }

  /// Looks at a file as it is now.
  ///
  /// - Parameter maximumHeaderBytes: the most that is read of it.
  /// - Throws: ``CheckpointError`` where it cannot be read.
  public static func of(_ path: String, maximumHeaderBytes: Int) throws(CheckpointError) -> InputFacts {
    let file = try InputDescriptor(path)
    guard let facts = FileSystem.facts(path, followingLinks: true) else { throw CheckpointError(.notFound, file: path) }
    var header = try file.read(min(8, file.byteCount))
    let length = header.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    // Of a text, the first bytes are no length that could be meant.
    let count = length < UInt64(maximumHeaderBytes) ? Int(length) : maximumHeaderBytes
    header += try file.read(max(0, min(count, file.byteCount - header.count)), at: header.count)
    return InputFacts(
      path: try FileSystem.realPath(path) ?? path, byteCount: file.byteCount, modified: Int(facts.modified),
      header: Hash128(header))
  }
}
