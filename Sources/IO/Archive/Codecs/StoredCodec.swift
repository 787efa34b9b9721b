internal import CCodecs
internal import CZstd
internal import WeirTensors

/// Codec 1: the result's own bytes, of any type, raw or in a zstd frame.
///
/// A frame holds the bytes as they are, or separated: first the least significant byte of every element, then the next, which
/// puts the exponents of floats side by side.
public enum StoredCodec {
  /// How a payload's first byte says what follows.
  private enum Form: UInt8 {
    case raw = 0
    case frame = 1
    case separated = 2
  }

  /// Higher levels find little in weights, and are slower; level 3 finds matches where there are none.
  private static let level: Int32 = 1

  /// Packs bytes in the smallest form.
  ///
  /// - Parameters:
  ///   - result: `place.count` elements of `place.dtype`.
  ///   - place: where the block lies.
  /// - Returns: the block's payload, at most one byte longer than `result`.
  public static func encode(
    _ result: UnsafeRawBufferPointer, _ place: BlockPlace
  ) throws(CheckpointError) -> [UInt8] {
    precondition(result.count == place.bytes.count, "a block has as many elements as its place says")
    let width = place.dtype.byteCount
    // SAFETY: the buffers live for the calls and have the sizes that they say.
    var best = unsafe [Form.raw.rawValue] + Array(result)
    if let frame = try unsafe compress(result, .frame, below: best.count) { best = frame }
    guard width > 1 else { return best }
    let separated = unsafe [UInt8](unsafeUninitializedCapacity: result.count) { buffer, initialised in
      unsafe weir_split_bytes(
        result.bindMemory(to: UInt8.self).baseAddress, result.count, UInt32(width), buffer.baseAddress)
      initialised = result.count
    }
    let frame = unsafe separated.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try unsafe compress(bytes, .separated, below: best.count) }
    }
    return try frame.get() ?? best
  }

  private static func compress(
    _ bytes: UnsafeRawBufferPointer, _ form: Form, below limit: Int
  ) throws(CheckpointError) -> [UInt8]? {
    var count = 0
    // SAFETY: the library writes at most as many bytes as it is told to, and says how many it wrote.
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialised in
      unsafe buffer[0] = form.rawValue
      count = unsafe ZSTD_compress(
        buffer.baseAddress.unsafelyUnwrapped + 1, limit - 1, bytes.baseAddress, bytes.count, level)
      initialised = ZSTD_isError(count) == 0 ? count + 1 : 0
    }
    return try ZstdFrame.fits(count, of: bytes.count) && frame.count < limit ? frame : nil
  }

  /// Unpacks a block.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - result: room for `place.count` elements of `place.dtype`; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload does not hold exactly these bytes.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, into result: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    precondition(result.count == place.bytes.count, "room for as many elements as the place says")
    guard let form = unsafe payload.first.flatMap(Form.init) else {
      throw CheckpointError(.malformed(found: "stored block of an unknown form", expected: "0, 1 or 2"))
    }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: payload.dropFirst())
    let byteCount = result.count
    // SAFETY: a frame is expanded into exactly the room that there is; what joins the bytes reads and writes as many.
    switch form {
    case .raw:
      guard bytes.count == byteCount else {
        throw CheckpointError(.malformed(found: "\(bytes.count) stored bytes", expected: "\(byteCount)"))
      }
      unsafe result.copyMemory(from: bytes)
    case .frame: try unsafe expand(bytes, into: result)
    case .separated:
      guard place.dtype.byteCount > 1 else {
        throw CheckpointError(.malformed(found: "separated bytes of \(place.dtype.rawValue)", expected: "whole ones"))
      }
      var separated = [UInt8](repeating: 0, count: byteCount)
      let expanded = unsafe separated.withUnsafeMutableBytes { buffer in
        Result { () throws(CheckpointError) in try unsafe expand(bytes, into: buffer) }
      }
      try expanded.get()
      unsafe weir_join_bytes(
        separated, byteCount, UInt32(place.dtype.byteCount), result.bindMemory(to: UInt8.self).baseAddress)
    }
  }

  /// Expands one frame that must fill `bytes`.
  private static func expand(
    _ frame: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    // SAFETY: the library reads the frame, and writes at most as many bytes as it is told to.
    guard unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count,
      unsafe ZSTD_decompress(bytes.baseAddress, bytes.count, frame.baseAddress, frame.count) == bytes.count
    else {
      throw CheckpointError(
        .malformed(found: "stored bytes in no frame", expected: "one zstd frame of \(bytes.count) bytes"))
    }
  }
}
