extension JSONScanner {
  /// Passes a string from its opening quote on and returns what it stands for.
  mutating func readString() throws(JSONError) -> String {
    let start = offset + 1
    var place = start
    let end = bytes.count
    var isASCII = true
    while place < end {
      let byte = bytes[place]
      if byte == UInt8(ascii: "\"") {
        try checkLength(place - start, at: start)
        move(to: place + 1)
        if isASCII { return String(decoding: bytes[start..<place], as: UTF8.self) }
        return try validated(bytes[start..<place], at: start)
      }
      if byte == UInt8(ascii: "\\") { return try readEscapedString(from: start, to: place) }
      if byte < 0x20 { throw control(byte, at: place) }
      if byte >= 0x80 { isASCII = false }
      place += 1
    }
    throw unterminated()
  }

  /// Reads on from the first backslash, at `place`, of the string that begins at `start`.
  private mutating func readEscapedString(from start: Int, to place: Int) throws(JSONError) -> String {
    var units = Array(bytes[start..<place])
    var place = place
    while place < bytes.count {
      let byte = bytes[place]
      switch byte {
      case UInt8(ascii: "\""):
        try checkLength(place - start, at: start)
        move(to: place + 1)
        return try validated(units[...], at: start)
      case UInt8(ascii: "\\"):
        try appendEscape(at: &place, to: &units)
      case 0..<0x20:
        throw control(byte, at: place)
      default:
        units.append(byte)
        place += 1
      }
    }
    throw unterminated()
  }

  private func appendEscape(at place: inout Int, to units: inout [UInt8]) throws(JSONError) {
    guard place + 1 < bytes.count else { throw unterminated() }
    let letter = bytes[place + 1]
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(letter)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0C)
    case UInt8(ascii: "n"): units.append(0x0A)
    case UInt8(ascii: "r"): units.append(0x0D)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"):
      try appendScalar(at: &place, to: &units)
      return
    default:
      let name = letter > 0x20 && letter < 0x7F ? "'\\\(Unicode.Scalar(letter))'" : Self.hex(letter)
      throw JSONError(offset: place, message: "found \(name), expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
    }
    place += 2
  }

  /// Reads `\u` and four digits, or a pair of them that stands for one scalar.
  private func appendScalar(at place: inout Int, to units: inout [UInt8]) throws(JSONError) {
    let start = place
    var value = try hexadecimal(at: place)
    place += 6
    if 0xD800..<0xDC00 ~= value {
      guard place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u") else {
        throw loneSurrogate(start)
      }
      let low = try hexadecimal(at: place)
      guard 0xDC00..<0xE000 ~= low else { throw loneSurrogate(start) }
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)
      place += 6
    }
    guard let scalar = Unicode.Scalar(value) else { throw loneSurrogate(start) }
    units.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// The value of the four digits that follow the `\u` at `place`.
  private func hexadecimal(at place: Int) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for position in place + 2..<place + 6 {
      guard position < bytes.count else { throw unterminated() }
      switch bytes[position] {
      case let byte where byte &- 48 < 10: value = value << 4 | UInt32(byte &- 48)
      case let byte where (byte | 0x20) &- 97 < 6: value = value << 4 | UInt32((byte | 0x20) &- 87)
      default: throw JSONError(offset: place, message: "found an incomplete '\\u', expected four hexadecimal digits")
      }
    }
    return value
  }

  private func validated(_ units: ArraySlice<UInt8>, at start: Int) throws(JSONError) -> String {
    if let text = String(validating: units, as: UTF8.self) { return text }
    throw JSONError(
      offset: Self.firstInvalid(in: bytes, from: start), message: "found bytes that are not UTF-8, expected UTF-8 text")
  }

  /// The offset of the first byte from `start` on that does not belong to a well-formed UTF-8 sequence.
  private static func firstInvalid(in bytes: [UInt8], from start: Int) -> Int {
    var place = start
    while place < bytes.count {
      let length = bytes[place] < 0x80 ? 1 : bytes[place] < 0xE0 ? 2 : bytes[place] < 0xF0 ? 3 : 4
      let sequence = bytes[place...].prefix(length)
      guard sequence.count == length, String(validating: sequence, as: UTF8.self) != nil else { return place }
      place += length
    }
    return start
  }

  private func checkLength(_ count: Int, at start: Int) throws(JSONError) {
    guard count <= limits.stringBytes else {
      throw JSONError(
        offset: start - 1, message: "found a string of \(count) bytes, expected at most \(limits.stringBytes)")
    }
  }

  private func control(_ byte: UInt8, at place: Int) -> JSONError {
    JSONError(
      offset: place, message: "found the control character \(Self.hex(byte)) in a string, expected it escaped")
  }

  private func loneSurrogate(_ place: Int) -> JSONError {
    JSONError(offset: place, message: "found half of a surrogate pair, expected both halves")
  }

  private func unterminated() -> JSONError {
    JSONError(offset: bytes.count, message: "found the end of the text inside a string, expected its closing quote")
  }
}
