internal import CXxhash

/// The 128-bit XXH3 hash of bytes, which tells contents apart; no defence against somebody who wants a collision.
public struct Hash128: Hashable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  /// Hashes bytes.
  public init(_ bytes: UnsafeRawBufferPointer) {
    // SAFETY: the function reads `count` bytes from the start, and nothing from an empty buffer.
    let hash = unsafe weir_xxh128(bytes.baseAddress, bytes.count)
    high = hash.high64
    low = hash.low64
  }

  /// Hashes bytes.
  public init(_ bytes: [UInt8]) {
    // SAFETY: the buffer lives for the call.
    self = unsafe bytes.withUnsafeBytes { unsafe Hash128($0) }
  }

  /// Hashes the canonical forms of hashes, one after the other.
  public init(of hashes: some Sequence<Hash128>) { self.init(hashes.flatMap(\.bytes)) }

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads the canonical form, which has 16 bytes.
  init(canonical bytes: ArraySlice<UInt8>) {
    precondition(bytes.count == Self.byteCount, "a hash has 16 bytes")
    func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: half(bytes.prefix(8)), low: half(bytes.suffix(8)))
  }

  /// Bytes of the canonical form.
  static let byteCount = 16

  /// The canonical form: high then low half, most significant byte first.
  var bytes: [UInt8] {
    [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
  }

  /// Reads 32 hexadecimal digits; `nil` where they are none.
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else { return nil }
    guard let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.dropFirst(16), radix: 16) else {
      return nil
    }
    self.init(high: high, low: low)
  }

  /// 32 hexadecimal digits.
  public var description: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

/// The 64-bit XXH3 hash of a block's bytes, which tells that they are still what was written.
enum BlockChecksum {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    // SAFETY: the function reads `count` bytes from the start, and nothing from an empty buffer.
    unsafe weir_xxh64(bytes.baseAddress, bytes.count)
  }
}
