internal import WeirTensors

/// Bytes of a file as blocks of a U8 vector with the codec 'stored'.
enum StoredBytes {
  /// Bytes of every block but the last.
  static let blockByteCount = BlockPlace.maximumCount

  /// The number of blocks of so many bytes.
  static func blockCount(_ byteCount: Int) -> Int {
    byteCount / blockByteCount + (byteCount % blockByteCount == 0 ? 0 : 1)
  }

  /// Encodes a block, smaller than ``StoredCodec`` would: there are few of them.
  static func encode(_ bytes: [UInt8]) throws(CheckpointError) -> [UInt8] {
    if let frame = try ZstdFrame.compress(bytes) { return [1] + frame }
    return [0] + bytes
  }

  static func decode(_ payload: [UInt8], byteCount: Int) throws(CheckpointError) -> [UInt8] {
    let place = BlockPlace(first: 0, count: byteCount, rowLength: byteCount, dtype: .u8)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    // SAFETY: both buffers live for the call.
    let result = unsafe payload.withUnsafeBytes { payload in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        Result { () throws(CheckpointError) in try unsafe StoredCodec.decode(payload, place, into: bytes) }
      }
    }
    try result.get()
    return bytes
  }
}
