internal import WeirTensors

/// The header of a safetensors file as bytes: eight of length, little end first, then JSON padded with spaces.
enum OutputHeader {
  /// Builds the header of a file that holds `tensors` one after the other.
  static func bytes(for tensors: ArraySlice<TensorInfo>, metadata: [String: String]) -> [UInt8] {
    var text = JSONWriting(prefix: 8)
    text.append("{")
    var isFirst = true
    if !metadata.isEmpty {
      text.append("\"__metadata__\":{")
      for (place, entry) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
        if place > 0 { text.append(",") }
        text.append(quoting: entry.key)
        text.append(":")
        text.append(quoting: entry.value)
      }
      text.append("}")
      isFirst = false
    }
    var offset = 0
    for tensor in tensors {
      if !isFirst { text.append(",") }
      isFirst = false
      text.append(quoting: tensor.name)
      text.append(":{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[")
      text.append(tensor.shape.extents.map(String.init).joined(separator: ","))
      text.append("],\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}")
      offset += tensor.byteCount
    }
    text.append("}")
    var bytes = text.bytes
    let excess = bytes.count % OutputLayout.alignment
    if excess > 0 { bytes.append(contentsOf: repeatElement(0x20, count: OutputLayout.alignment - excess)) }
    let length = UInt64(bytes.count - 8)
    for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: length >> (8 * UInt64(place))) }
    return bytes
  }
}

/// JSON text under construction, for documents too large and too regular to be built as values first.
struct JSONWriting {
  private(set) var bytes: [UInt8]

  /// Starts after `prefix` zero bytes, to be filled in later.
  init(prefix: Int = 0) { bytes = [UInt8](repeating: 0, count: prefix) }

  /// Appends text as it is.
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Appends a string in quotes, with the escapes that JSON demands and no others.
  mutating func append(quoting text: String) {
    bytes.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x22, 0x5C:
        bytes.append(0x5C)
        bytes.append(byte)
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0..<0x20:
        append(byte < 0x10 ? "\\u000" : "\\u00")
        append(String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(0x22)
  }
}
