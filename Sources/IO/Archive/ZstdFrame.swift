internal import CZstd

/// Small tables as one frame of Zstandard (RFC 8878).
enum ZstdFrame {
  /// Compresses bytes; `nil` where that fails or saves nothing.
  static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    // As small as can be, where that takes no time to speak of.
    let level: Int32 = bytes.count < 1 << 16 ? 19 : 3
    // SAFETY: the library writes at most as many bytes as the buffer holds, and says how many it wrote.
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialised in
      let count = unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compress(buffer.baseAddress, buffer.count, source.baseAddress, source.count, level)
      }
      initialised = ZSTD_isError(count) == 0 ? count : 0
    }
    return frame.isEmpty || frame.count >= bytes.count ? nil : frame
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
