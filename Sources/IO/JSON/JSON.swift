/// JSON by RFC 8259, read strictly: a text has one meaning or none.
public enum JSON {
  /// Reads one value and refuses everything else: comments, trailing commas, duplicate keys, bytes after the value.
  public static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
    var scanner = JSONScanner(bytes, limits: limits)
    try scanner.start()
    let value = try scanner.readValue()
    try scanner.finish()
    return value
  }

  /// Reads one value from a text in memory.
  public static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
    try parse(Array(text.utf8), limits: limits)
  }

  /// The line and column of a byte, both from 1; columns count Unicode scalars.
  public static func position(of offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for byte in bytes.prefix(max(0, offset)) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }
}

/// How much a text may make its reader do.
public struct JSONLimits: Sendable {
  /// Arrays and objects inside one another.
  public var depth: Int
  /// Bytes of one string, as it stands in the text.
  public var stringBytes: Int
  /// Values in all.
  public var values: Int
  /// Whether `NaN`, `Infinity` and `-Infinity` are read as numbers: Python writes them into some `config.json`.
  public var acceptsNonFinite: Bool

  public init(
    depth: Int = 64, stringBytes: Int = 16 << 20, values: Int = 4_000_000, acceptsNonFinite: Bool = false
  ) {
    self.depth = depth
    self.stringBytes = stringBytes
    self.values = values
    self.acceptsNonFinite = acceptsNonFinite
  }
}

/// Where a text stops being JSON: what was found, what was expected.
public struct JSONError: Error, Equatable, Sendable {
  public let offset: Int
  public let message: String

  public init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }
}
