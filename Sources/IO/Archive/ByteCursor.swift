/// Reads numbers and texts from bytes, one after the other, least significant byte first.
struct ByteCursor {
  private let bytes: ArraySlice<UInt8>
  private var place: Int
  /// What the bytes are, for messages.
  private let what: String

  init(_ bytes: ArraySlice<UInt8>, of what: String) {
    self.bytes = bytes
    self.what = what
    place = bytes.startIndex
  }

  /// Bytes not yet read.
  var left: Int { bytes.endIndex - place }

  mutating func take(_ count: Int) throws(CheckpointError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= left else {
      throw CheckpointError(
        .malformed(found: "\(what) ends after \(bytes.count) bytes", expected: "more"))
    }
    defer { place += count }
    return bytes[place..<place + count]
  }

  mutating func number<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type
  ) throws(CheckpointError) -> Value {
    try take(MemoryLayout<Value>.size).reversed().reduce(0) { $0 << 8 | Value($1) }
  }

  /// Eight bytes that are a count.
  mutating func count(of thing: String) throws(CheckpointError) -> Int {
    let value = try number(UInt64.self)
    guard let count = Int(exactly: value) else {
      throw CheckpointError(.malformed(found: "\(value) \(thing)", expected: "fewer than 2^63"))
    }
    return count
  }

  mutating func hash() throws(CheckpointError) -> Hash128 { Hash128(canonical: try take(Hash128.byteCount)) }

  /// Two bytes of length, and as many of text.
  mutating func text() throws(CheckpointError) -> String {
    let bytes = try take(Int(number(UInt16.self)))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CheckpointError(.malformed(found: "\(what) has a name that is not UTF-8", expected: "UTF-8"))
    }
    return text
  }

  func finish() throws(CheckpointError) {
    guard left == 0 else {
      throw CheckpointError(.malformed(found: "\(what) has \(left) bytes too many", expected: "none"))
    }
  }
}

/// Writes what ``ByteCursor`` reads.
struct ByteText {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: some FixedWidthInteger & UnsignedInteger) {
    for place in 0..<number.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
  }

  mutating func append(count: Int) { append(UInt64(count)) }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func append(_ hash: Hash128) { append(hash.bytes) }

  /// Two bytes of length, then the text, which the caller has found to be short enough.
  mutating func append(text: String) {
    append(UInt16(text.utf8.count))
    append(text.utf8)
  }
}
