internal import WeirTensors

/// Bytes of a file as blocks of a U8 vector with the codec 'stored'.
enum StoredBytes {
  /// Bytes of every block but the last.
  static let blockByteCount = BlockPlace.maximumCount

  /// The number of blocks of so many bytes.
  static func blockCount(_ byteCount: Int) -> Int {
    byteCount / blockByteCount + (byteCount % blockByteCount == 0 ? 0 : 1)
  }

  static func encode(_ bytes: [UInt8]) throws(CheckpointError) -> [UInt8] {
    if let frame = ZstdFrame.compress(bytes) { return [1] + frame }
    return [0] + bytes
  }

  static func decode(_ payload: [UInt8], byteCount: Int) throws(CheckpointError) -> [UInt8] {
    switch payload.first {
    case 0 where payload.count == byteCount + 1: return Array(payload[1...])
    case 1:
      if let bytes = ZstdFrame.decompress(payload[1...], byteCount: byteCount) { return bytes }
    default: break
    }
    throw CheckpointError(.malformed(found: "a stored block that is none", expected: "\(byteCount) bytes"))
  }
}
