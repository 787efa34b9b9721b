internal import CZstd

/// Small tables as one frame of Zstandard (RFC 8878).
enum ZstdFrame {
  /// Compresses bytes; `nil` where that saves nothing.
  static func compress(_ bytes: [UInt8]) throws(CheckpointError) -> [UInt8]? {
    // As small as can be, where that takes no time to speak of.
    let level: Int32 = bytes.count < 1 << 16 ? 19 : 3
    var count = 0
    // SAFETY: the library writes at most as many bytes as the buffer holds, and says how many it wrote.
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialised in
      count = unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compress(buffer.baseAddress, buffer.count, source.baseAddress, source.count, level)
      }
      initialised = ZSTD_isError(count) == 0 ? count : 0
    }
    return try fits(count, of: bytes.count) && count < bytes.count ? frame : nil
  }

  /// Whether what the library gave back for `byteCount` bytes is the length of a frame, rather than that there was no room for it.
  ///
  /// - Throws: ``CheckpointError`` where it had no memory: the same bytes are to come out of the same input.
  static func fits(_ count: Int, of byteCount: Int) throws(CheckpointError) -> Bool {
    if ZSTD_isError(count) == 0 { return true }
    guard ZSTD_getErrorCode(count) == ZSTD_error_dstSize_tooSmall else {
      throw CheckpointError(.outOfMemory(byteCount: byteCount))
    }
    return false
  }

  /// Decompresses one frame of exactly `byteCount` bytes; `nil` where it is anything else.
  static func decompress(_ frame: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    // SAFETY: the library reads the frame and writes at most `byteCount` bytes, which is the capacity.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialised in
      let count = unsafe frame.withUnsafeBytes { source in
        guard unsafe ZSTD_findFrameCompressedSize(source.baseAddress, source.count) == source.count else { return 0 }
        return unsafe ZSTD_decompress(buffer.baseAddress, byteCount, source.baseAddress, source.count)
      }
      initialised = ZSTD_isError(count) == 0 ? count : 0
    }
    return bytes.count == byteCount && !frame.isEmpty ? bytes : nil
  }
}
