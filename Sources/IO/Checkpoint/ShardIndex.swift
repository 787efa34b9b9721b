/// The file that says which shard holds which tensor: `model.safetensors.index.json`.
struct ShardIndex {
  let path: String
  /// The shard of each tensor, in the order of the file.
  let entries: [(tensor: String, shard: String, offset: Int)]
  /// Bytes of all tensors, where the index says so.
  let totalByteCount: Int?
  private let text: [UInt8]

  /// The largest index that is read.
  static let maximumByteCount = 256 << 20

  /// Reads and checks an index by itself, not yet against the shards.
  init(_ path: String) throws(CheckpointError) {
    let text = try TextFile.read(path, maximumByteCount: Self.maximumByteCount)
    let root = try TextFile.parse(text, path: path)
    func malformed(_ found: String, _ expected: String, at offset: Int) -> CheckpointError {
      CheckpointError(
        .malformed(found: found, expected: expected), file: path, position: TextFile.position(offset, in: text))
    }
    guard root.object != nil else { throw malformed("found \(root.kindName)", "an object", at: root.offset) }
    guard let map = root["weight_map"] else {
      throw malformed("no 'weight_map'", "an index of a checkpoint's shards", at: root.offset)
    }
    guard let members = map.object else {
      throw malformed("'weight_map' is \(map.kindName)", "an object", at: map.offset)
    }
    guard !members.isEmpty else { throw malformed("'weight_map' is empty", "tensors", at: map.offset) }
    var entries: [(tensor: String, shard: String, offset: Int)] = []
    entries.reserveCapacity(members.count)
    for member in members {
      guard let shard = member.value.string else {
        throw malformed(
          "\(MessageText.quoted(member.key)) is \(member.value.kindName)", "the name of a shard",
          at: member.value.offset)
      }
      if shard != entries.last?.shard {
        try Self.check(shard, path, TextFile.position(member.value.offset, in: text), malformed: malformed, member)
      }
      entries.append((member.key, shard, member.keyOffset))
    }
    self.path = path
    self.entries = entries
    self.text = text
    totalByteCount = root["metadata"]?["total_size"]?.int
  }

  /// The line and column of an entry.
  func position(of offset: Int) -> CheckpointError.Position { TextFile.position(offset, in: text) }

  private static func check(
    _ shard: String, _ path: String, _ position: @autoclosure () -> CheckpointError.Position,
    malformed: (String, String, Int) -> CheckpointError, _ member: JSONMember
  ) throws(CheckpointError) {
    guard PathText.isPlainName(shard) else {
      throw CheckpointError(.leavesFolder(shard), file: path, position: position())
    }
    if let refused = RefusedFormat(name: shard) { throw refused.error(path) }
    guard shard.hasSuffix(".safetensors") else {
      throw malformed(
        "\(MessageText.quoted(member.key)) is in \(MessageText.quoted(shard))", "a .safetensors file",
        member.value.offset)
    }
  }
}

/// Small text files of a checkpoint, read whole.
package enum TextFile {
  /// Reads a file of at most `maximumByteCount` bytes.
  package static func read(_ path: String, maximumByteCount: Int) throws(CheckpointError) -> [UInt8] {
    let file = try InputDescriptor(path)
    guard file.byteCount <= maximumByteCount else {
      throw CheckpointError(.fileTooLarge(byteCount: file.byteCount, limit: maximumByteCount), file: path)
    }
    return try file.readAll(file.byteCount)
  }

  /// Reads JSON; errors carry line and column.
  static func parse(
    _ text: [UInt8], path: String, limits: JSONLimits = JSONLimits()
  ) throws(CheckpointError) -> JSONValue {
    do {
      return try JSON.parse(text, limits: limits)
    } catch {
      throw CheckpointError(.invalidJSON(error.message), file: path, position: position(error.offset, in: text))
    }
  }

  static func position(_ offset: Int, in text: [UInt8]) -> CheckpointError.Position {
    let (line, column) = JSON.position(of: offset, in: text)
    return CheckpointError.Position(line: line, column: column)
  }
}
