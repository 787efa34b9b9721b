extension JSON {
  /// Writes a value, members in their order and numbers as they were written.
  ///
  /// - Parameters:
  ///   - value: what is written.
  ///   - indent: spaces per level, one member or element a line; `nil` for one line without white space.
  public static func text(_ value: JSONValue, indent: Int? = nil) -> String {
    var writer = JSONWriter(indent: indent)
    writer.write(value, level: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Writes `text` as a JSON string, quotes included.
  public static func quoted(_ text: String) -> String {
    var writer = JSONWriter(indent: nil)
    writer.write(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

/// Appends JSON text to a buffer: whole values, or piece by piece what is too large and regular to be made a value first.
struct JSONWriter {
  let indent: Int?
  var bytes: [UInt8] = []

  init(indent: Int?) { self.indent = indent }

  mutating func write(_ value: JSONValue, level: Int) {
    switch value.content {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .number(let lexeme): append(lexeme)
    case .string(let text): write(text)
    case .array(let elements):
      write(elements, between: "[", "]", level) { writer, element in writer.write(element, level: level + 1) }
    case .object(let members):
      write(members, between: "{", "}", level) { writer, member in
        writer.write(member.key)
        writer.append(writer.indent == nil ? ":" : ": ")
        writer.write(member.value, level: level + 1)
      }
    }
  }

  private mutating func write<Item>(
    _ items: [Item], between open: String, _ close: String, _ level: Int, each: (inout JSONWriter, Item) -> Void
  ) {
    append(open)
    for (number, item) in items.enumerated() {
      if number > 0 { append(",") }
      newline(level + 1)
      each(&self, item)
    }
    if !items.isEmpty { newline(level) }
    append(close)
  }

  /// Appends a string in quotes.
  mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    guard text.utf8.contains(where: Self.isEscaped) else {
      append(text)
      return
    }
    for unit in text.utf8 {
      switch unit {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x0C: append("\\f")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0..<0x20, 0x7F: append("\\u00" + (unit < 16 ? "0" : "") + String(unit, radix: 16))
      default: bytes.append(unit)
      }
    }
  }

  private static func isEscaped(_ unit: UInt8) -> Bool {
    unit < 0x20 || unit == 0x7F || unit == UInt8(ascii: "\"") || unit == UInt8(ascii: "\\")
  }

  private mutating func newline(_ level: Int) {
    guard let indent else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: indent * level))
  }

  /// Appends text as it is.
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
