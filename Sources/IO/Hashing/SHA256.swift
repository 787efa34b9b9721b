internal import CSystem

/// The SHA-256 of bytes that come one part after the other, for those who compare files with what others publish.
struct SHA256 {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// Bytes that do not fill a block yet.
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0
  private let isPlain: Bool

  private static let blockByteCount = 64

  /// - Parameter isPlain: whether to do without the processor's own instructions, as tests do.
  init(isPlain: Bool = false) { self.isPlain = isPlain }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var start = 0
    if !rest.isEmpty {
      start = min(bytes.count, Self.blockByteCount - rest.count)
      unsafe rest.append(contentsOf: bytes[..<start])
      guard rest.count == Self.blockByteCount else { return }
      let block = rest
      rest = []
      // SAFETY: the array lives for the call.
      unsafe block.withUnsafeBytes { unsafe take($0) }
    }
    let whole = start + (bytes.count - start) / Self.blockByteCount * Self.blockByteCount
    // SAFETY: both ends lie in `bytes`.
    unsafe take(UnsafeRawBufferPointer(rebasing: bytes[start..<whole]))
    unsafe rest.append(contentsOf: bytes[whole...])
  }

  /// The hash of all bytes, in 64 hexadecimal digits.
  consuming func digits() -> String {
    let bitCount = byteCount &* 8
    var end: [UInt8] = [0x80]
    let room = (rest.count + 1 + 8) % Self.blockByteCount
    end += Array(repeating: 0, count: room == 0 ? 0 : Self.blockByteCount - room)
    end += (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> (56 - 8 * UInt64($0))) }
    // SAFETY: the array lives for the call.
    unsafe end.withUnsafeBytes { unsafe add($0) }
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func take(_ blocks: UnsafeRawBufferPointer) {
    let count = blocks.count / Self.blockByteCount
    guard count > 0, let start = unsafe blocks.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    let isPlain = isPlain
    // SAFETY: the state has eight words, and `start` is followed by `count` blocks.
    unsafe state.withUnsafeMutableBufferPointer { state in
      guard let words = state.baseAddress else { return }
      if isPlain {
        unsafe weir_sha256_blocks_plain(words, start, count)
      } else {
        unsafe weir_sha256_blocks(words, start, count)
      }
    }
  }
}

/// The SHA-256 of whole files.
public enum FileDigest {
  /// Bytes that are read at a time.
  private static let stepBytes = 1 << 20

  /// The hash of a file as it is, in 64 hexadecimal digits; `nil` where that was interrupted.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - isInterrupted: asked after every MiB.
  /// - Throws: ``CheckpointError`` where it cannot be read.
  public static func sha256(
    of path: String, isInterrupted: () -> Bool = { false }
  ) throws(CheckpointError) -> String? {
    let file = try InputDescriptor(path)
    let buffer = try AlignedBuffer(byteCount: stepBytes)
    var hash = SHA256()
    for start in stride(from: 0, to: file.byteCount, by: stepBytes) {
      if isInterrupted() { return nil }
      let count = min(stepBytes, file.byteCount - start)
      // SAFETY: the buffer has room for a step.
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
      try unsafe file.fill(part, from: start)
      unsafe hash.add(UnsafeRawBufferPointer(part))
    }
    return hash.digits()
  }
}
