internal import WeirTensors

/// The header of a safetensors file as bytes: eight of length, little end first, then JSON padded with spaces.
enum OutputHeader {
  /// Builds the header of a file that holds `tensors` one after the other.
  static func bytes(for tensors: ArraySlice<TensorInfo>, metadata: [String: String]) -> [UInt8] {
    let text = text(for: tensors, metadata: metadata)
    let alignment = OutputLayout.alignment
    return finished(text, byteCount: (text.count + alignment - 1) / alignment * alignment)
  }

  /// The header without padding; its length, the first eight bytes, is still to be filled in.
  static func text(for tensors: ArraySlice<TensorInfo>, metadata: [String: String]) -> [UInt8] {
    var text = JSONWriter(indent: nil)
    text.bytes = [UInt8](repeating: 0, count: 8)
    text.append("{")
    var isFirst = true
    if !metadata.isEmpty {
      text.append("\"__metadata__\":{")
      for (place, entry) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
        if place > 0 { text.append(",") }
        text.write(entry.key)
        text.append(":")
        text.write(entry.value)
      }
      text.append("}")
      isFirst = false
    }
    var offset = 0
    for tensor in tensors {
      if !isFirst { text.append(",") }
      isFirst = false
      text.write(tensor.name)
      text.append(":{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[")
      text.append(tensor.shape.extents.map(String.init).joined(separator: ","))
      text.append("],\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}")
      offset += tensor.byteCount
    }
    text.append("}")
    return text.bytes
  }

  /// Pads a header to `byteCount` bytes and fills in its length.
  static func finished(_ text: [UInt8], byteCount: Int) -> [UInt8] {
    precondition(byteCount >= text.count, "a header fits in its room")
    var bytes = text
    bytes.append(contentsOf: repeatElement(0x20, count: byteCount - bytes.count))
    let length = UInt64(bytes.count - 8)
    for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: length >> (8 * UInt64(place))) }
    return bytes
  }
}
