internal import CXxhash

/// The 128-bit XXH3 hash of bytes, which tells contents apart; no defence against somebody who wants a collision.
public struct Hash128: Hashable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  /// Hashes bytes.
  public init(_ bytes: UnsafeRawBufferPointer) {
    // SAFETY: the function reads `count` bytes from the start, and nothing from an empty buffer.
    let hash = unsafe XXH3_128bits(bytes.baseAddress, bytes.count)
    high = hash.high64
    low = hash.low64
  }

  /// Hashes bytes.
  public init(_ bytes: [UInt8]) {
    // SAFETY: the buffer lives for the call.
    self = unsafe bytes.withUnsafeBytes { unsafe Hash128($0) }
  }

  /// Hashes the canonical forms of hashes, one after the other: high then low half, most significant byte first.
  public init(of hashes: some Sequence<Hash128>) {
    let bytes = hashes.flatMap { hash in
      [hash.high, hash.low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
    }
    self.init(bytes)
  }

  /// 32 hexadecimal digits.
  public var description: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
