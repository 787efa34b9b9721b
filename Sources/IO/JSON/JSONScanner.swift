/// A strict reader of JSON text that is asked for one thing after the other.
///
/// ``JSON/parse(_:limits:)`` builds values with it; the safetensors header is read with it directly, so that thirty
/// thousand tensors need no tree of values.
///
///     var more = try scanner.openObject()
///     while more {
///       let key = try scanner.readKey()
///       … read the value …
///       more = try scanner.nextMember()
///     }
struct JSONScanner {
  let bytes: [UInt8]
  let limits: JSONLimits
  /// The offset of the next byte to read.
  private(set) var offset = 0
  private var depth = 0
  private var valueCount = 0

  init(_ bytes: [UInt8], limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Checks the first bytes for the marks of other encodings.
  mutating func start() throws(JSONError) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw JSONError(offset: 0, message: "found a byte order mark, expected UTF-8 text without one")
    }
    if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
      throw JSONError(offset: 0, message: "found UTF-16 text, expected UTF-8")
    }
  }

  /// Checks that nothing but white space is left.
  mutating func finish() throws(JSONError) {
    skipSpace()
    guard offset == bytes.count else { throw unexpected("nothing after the value") }
  }

  // MARK: Structure

  /// Passes `{`; false if the object is empty, which has then been passed whole.
  mutating func openObject() throws(JSONError) -> Bool {
    try open(UInt8(ascii: "{"), closing: UInt8(ascii: "}"), "an object")
  }

  /// Passes `[`; false if the array is empty, which has then been passed whole.
  mutating func openArray() throws(JSONError) -> Bool {
    try open(UInt8(ascii: "["), closing: UInt8(ascii: "]"), "an array")
  }

  /// Passes `,` or the closing `}`; whether another member follows.
  mutating func nextMember() throws(JSONError) -> Bool {
    try next(closing: UInt8(ascii: "}"), "',' or '}'", after: "a key after ','")
  }

  /// Passes `,` or the closing `]`; whether another element follows.
  mutating func nextElement() throws(JSONError) -> Bool {
    try next(closing: UInt8(ascii: "]"), "',' or ']'", after: "a value after ','")
  }

  /// Passes a key and its colon.
  mutating func readKey() throws(JSONError) -> String {
    skipSpace()
    guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
    let key = try readString()
    skipSpace()
    guard peek == UInt8(ascii: ":") else { throw unexpected("':' after the key") }
    offset += 1
    return key
  }

  private mutating func open(_ byte: UInt8, closing: UInt8, _ name: String) throws(JSONError) -> Bool {
    skipSpace()
    guard peek == byte else { throw unexpected(name) }
    guard depth < limits.depth else {
      throw JSONError(offset: offset, message: "found more than \(limits.depth) levels of nesting, expected fewer")
    }
    try count()
    offset += 1
    skipSpace()
    if peek == closing {
      offset += 1
      return false
    }
    depth += 1
    return true
  }

  private mutating func next(closing: UInt8, _ expected: String, after: String) throws(JSONError) -> Bool {
    skipSpace()
    switch peek {
    case UInt8(ascii: ","):
      offset += 1
      skipSpace()
      guard peek != closing else { throw unexpected(after) }
      return true
    case closing:
      offset += 1
      depth -= 1
      return false
    default:
      throw unexpected(expected)
    }
  }

  // MARK: Values

  /// Passes an integer without sign, fraction and exponent that fits an `Int`: a length, an offset.
  mutating func readCount() throws(JSONError) -> Int {
    skipSpace()
    let start = offset
    var value = 0
    while let byte = peek, byte &- 48 < 10 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(byte &- 48))
      guard !overflow, !carry else {
        throw JSONError(offset: start, message: "found a number above \(Int.max), expected a smaller one")
      }
      value = sum
      offset += 1
    }
    guard offset > start else { throw unexpected("a non-negative integer") }
    if let byte = peek, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") {
      throw JSONError(offset: start, message: "found a number with a fraction or exponent, expected an integer")
    }
    guard bytes[start] != 48 || offset == start + 1 else { throw leadingZero(start) }
    try count()
    return value
  }

  /// Passes a value of any kind.
  mutating func readValue() throws(JSONError) -> JSONValue {
    skipSpace()
    let start = offset
    switch peek {
    case UInt8(ascii: "{"):
      return JSONValue(.object(try readMembers()), offset: start)
    case UInt8(ascii: "["):
      return JSONValue(.array(try readElements()), offset: start)
    case UInt8(ascii: "\""):
      try count()
      return JSONValue(.string(try readString()), offset: start)
    case UInt8(ascii: "t") where passes("true"):
      try count()
      return JSONValue(.bool(true), offset: start)
    case UInt8(ascii: "f") where passes("false"):
      try count()
      return JSONValue(.bool(false), offset: start)
    case UInt8(ascii: "n") where passes("null"):
      try count()
      return JSONValue(.null, offset: start)
    case .some(48...57), UInt8(ascii: "-"), UInt8(ascii: "N"), UInt8(ascii: "I"):
      try count()
      return JSONValue(.number(try readNumber()), offset: start)
    default:
      throw unexpected("a value")
    }
  }

  private mutating func readMembers() throws(JSONError) -> [JSONMember] {
    var members: [JSONMember] = []
    var seen: Set<String> = []
    var more = try openObject()
    while more {
      skipSpace()
      let keyOffset = offset
      let key = try readKey()
      // Most objects are small: a set pays only for the others.
      if members.count == 16 { seen = Set(members.map(\.key)) }
      let isNew = members.count < 16 ? !members.contains { $0.key == key } : seen.insert(key).inserted
      guard isNew else { throw duplicate(key, at: keyOffset) }
      members.append(JSONMember(key: key, value: try readValue(), keyOffset: keyOffset))
      more = try nextMember()
    }
    return members
  }

  private mutating func readElements() throws(JSONError) -> [JSONValue] {
    var elements: [JSONValue] = []
    var more = try openArray()
    while more {
      elements.append(try readValue())
      more = try nextElement()
    }
    return elements
  }

  private mutating func readNumber() throws(JSONError) -> String {
    let start = offset
    if peek == UInt8(ascii: "-") { offset += 1 }
    if passes("Infinity") || (offset == start && passes("NaN")) {
      guard limits.acceptsNonFinite else {
        throw JSONError(offset: start, message: "found '\(text(start))', expected a finite number")
      }
      return text(start)
    }
    let whole = offset
    guard whole > start || (peek ?? 0) < 58 else { throw unexpected("a value") }
    try passDigits()
    guard bytes[whole] != 48 || offset == whole + 1 else { throw leadingZero(whole) }
    if peek == UInt8(ascii: ".") {
      offset += 1
      try passDigits()
    }
    if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if let sign = peek, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
      try passDigits()
    }
    return text(start)
  }

  private mutating func passDigits() throws(JSONError) {
    guard let first = peek, first &- 48 < 10 else { throw unexpected("a digit") }
    while let byte = peek, byte &- 48 < 10 { offset += 1 }
  }

  // MARK: Bytes

  /// The next byte, `nil` at the end.
  var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  /// Passes white space.
  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  /// Goes on at `place`, which ``readString()`` has found to end a string.
  mutating func move(to place: Int) { offset = place }

  private mutating func passes(_ word: String) -> Bool {
    let end = offset + word.utf8.count
    guard end <= bytes.count, word.utf8.elementsEqual(bytes[offset..<end]) else { return false }
    offset = end
    return true
  }

  private func text(_ start: Int) -> String { String(decoding: bytes[start..<offset], as: UTF8.self) }

  private mutating func count() throws(JSONError) {
    valueCount += 1
    guard valueCount <= limits.values else {
      throw JSONError(offset: offset, message: "found more than \(limits.values) values, expected fewer")
    }
  }

  // MARK: Errors

  /// The error that names the next byte as found.
  func unexpected(_ expected: String) -> JSONError {
    let found: String
    switch peek {
    case nil: found = "the end of the text"
    case .some(let byte) where byte > 0x20 && byte < 0x7F: found = "'\(Unicode.Scalar(byte))'"
    case .some(let byte) where byte >= 0xC2:
      found =
        String(validating: bytes[offset...].prefix { $0 >= 0x80 }.prefix(4), as: UTF8.self)
        .flatMap(\.first).map { MessageText.quoted(String($0)) } ?? Self.hex(byte)
    case .some(let byte): found = Self.hex(byte)
    }
    return JSONError(offset: offset, message: "found \(found), expected \(expected)")
  }

  /// The error for a key that its object has already.
  func duplicate(_ key: String, at place: Int) -> JSONError {
    JSONError(offset: place, message: "found the key \(MessageText.quoted(key)) again, expected it once")
  }

  private func leadingZero(_ place: Int) -> JSONError {
    JSONError(offset: place, message: "found a number with a leading zero, expected none")
  }

  static func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "byte 0x\(digits.count < 2 ? "0" : "")\(digits)"
  }
}
