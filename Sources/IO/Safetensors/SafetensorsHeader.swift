public import WeirTensors

/// What a safetensors file says of itself: its tensors and where their bytes lie.
///
///     byte 0          8 bytes: the length n of the text, unsigned, least significant byte first
///     byte 8          n bytes: JSON, {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …},
///                     padded with spaces; "__metadata__" is a map of strings to strings
///     byte 8 + n      the data, offsets counted from here, every byte of it in exactly one tensor
///
/// A header is believed only when all of it has been checked against the file's size.
public struct SafetensorsHeader: Sendable {
  /// The tensors, in the order of their data.
  public let tensors: [TensorInfo]
  /// The bytes of each tensor, counted from the first of the file.
  public let ranges: [Range<Int>]
  /// The `__metadata__`, empty where there is none.
  public let metadata: [String: String]
  /// Where the data begins.
  public let dataOffset: Int

  /// The largest header that is read unless the user says otherwise.
  public static let defaultMaximumByteCount = 100_000_000
  /// Bytes of the longest tensor name.
  public static let maximumNameByteCount = 4096
  /// The most tensors in one file.
  public static let maximumTensorCount = 10_000_000

  /// Reads and checks the header of a file.
  ///
  /// - Throws: ``CheckpointError`` that names the file, the tensor and what was expected.
  public static func read(
    _ path: String, maximumByteCount: Int? = nil
  ) throws(CheckpointError) -> SafetensorsHeader {
    try read(InputDescriptor(path), maximumByteCount: maximumByteCount ?? defaultMaximumByteCount)
  }

  static func read(
    _ file: borrowing InputDescriptor, maximumByteCount: Int
  ) throws(CheckpointError) -> SafetensorsHeader {
    let start = try file.read(min(64, file.byteCount))
    if let refused = RefusedFormat(firstBytes: start) { throw refused.error(file.path) }
    guard start.count >= 8 else {
      throw CheckpointError(.fileTooShort(byteCount: file.byteCount, minimum: 8), file: file.path)
    }
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let available = file.byteCount - 8
    guard length <= UInt64(max(0, maximumByteCount)), let byteCount = Int(exactly: length) else {
      throw CheckpointError(.headerTooLarge(byteCount: length, limit: maximumByteCount), file: file.path)
    }
    guard byteCount <= available else {
      throw CheckpointError(.headerBeyondFile(byteCount: length, available: available), file: file.path)
    }
    return try parse(try file.readAll(byteCount, at: 8), fileByteCount: file.byteCount, file: file.path)
  }

  /// Checks the text of a header against the size of its file.
  ///
  /// - Parameters:
  ///   - text: the JSON, without the eight bytes of its length.
  ///   - fileByteCount: bytes of the whole file.
  ///   - file: what errors name.
  /// - Throws: ``CheckpointError``.
  public static func parse(
    _ text: [UInt8], fileByteCount: Int, file: String
  ) throws(CheckpointError) -> SafetensorsHeader {
    try parse(text, fileByteCount: fileByteCount as Int?, file: file)
  }

  /// Checks the text of a header by itself where the size of its file is not known.
  static func parse(
    _ text: [UInt8], fileByteCount: Int?, file: String
  ) throws(CheckpointError) -> SafetensorsHeader {
    guard text.first == UInt8(ascii: "{") else {
      let found = text.first.map { "header begins with \(JSONScanner.hex($0))" } ?? "header is empty"
      throw CheckpointError(.malformed(found: found, expected: "'{'"), file: file, byteOffset: 8)
    }
    var parser = SafetensorsHeaderParser(text, file: file)
    try parser.parse()
    return try parser.header(fileByteCount: fileByteCount)
  }

  /// Why no reader would take a tensor of this name, or `nil` where it is sound.
  ///
  /// The text continues a sentence that begins with "tensor name": `is empty, expected a name`.
  public static func problem(withName name: String) -> String? {
    if name.isEmpty { return "is empty, expected a name" }
    if name.utf8.count > maximumNameByteCount {
      return "has \(name.utf8.count) bytes, expected at most \(maximumNameByteCount)"
    }
    if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      return "\(MessageText.quoted(name)) has a control character, expected none"
    }
    return name == metadataName ? "'\(name)' stands for the file's metadata, expected another" : nil
  }

  /// The key of a header that is no tensor.
  static let metadataName = "__metadata__"

  init(tensors: [TensorInfo], ranges: [Range<Int>], metadata: [String: String], dataOffset: Int) {
    self.tensors = tensors
    self.ranges = ranges
    self.metadata = metadata
    self.dataOffset = dataOffset
  }
}

extension SafetensorsHeader {
  /// The first bytes of a file as they are: the length, the text, and the spaces after it.
  ///
  /// - Throws: ``CheckpointError`` where the file's header is none.
  public static func bytes(of path: String) throws(CheckpointError) -> [UInt8] {
    let header = try read(path)
    return try InputDescriptor(path).read(header.dataOffset)
  }
}
