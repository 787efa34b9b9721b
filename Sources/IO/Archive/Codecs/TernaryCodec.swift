internal import CCodecs
internal import CZstd
internal import WeirTensors

/// Codecs 3, 4 and 5: blocks whose values are 0 or ±s, with one s for the block or one per row.
///
/// Codec 3 codes which elements are kept by density classes of groups of elements (rows or parts of them, one or more); codec 5
/// also by the exponent of the base's element, which decides how far a delta can go before it is rounded away. Both fall
/// back to plain bits where these are shorter. Codec 4 compresses plain bits by zstd: larger and slower to make, and a few lines
/// in any language to read. Signs are stored as they are, for nothing tells them apart.
///
/// - Source: ComPEFT (Yadav et al., 2023, arXiv:2311.13171) for the form of the values; the coders are Weir's own, see
///   docs/archive-format.md.
public enum TernaryCodec {
  /// zstd's level for codec 4: those above take twice the time for a thousandth of the bytes.
  private static let level: Int32 = 16

  /// Packs the values of the ternary form that were added to `scratch`; several codecs may be tried one after the other.
  ///
  /// - Parameters:
  ///   - place: where the block lies.
  ///   - codec: `.ternary`, `.ternaryPlane` or `.ternaryContext`.
  ///   - base: the base's bytes of the block, `place.count` elements of `place.dtype`; `.ternaryContext` alone reads them.
  ///   - scratch: memory to work in.
  /// - Returns: the block's payload.
  /// - Throws: ``CheckpointError`` where the values are not of the ternary form.
  public static func encode(
    _ place: BlockPlace, codec: ArchiveCodec, base: UnsafeRawBufferPointer?, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    try scratch.finishBlock(place)
    if codec == .ternaryPlane { return try encodePlane(place, scratch: &scratch) }
    let context = try unsafe checked(base, place, codec)
    var block = place.block
    var count = 0
    // SAFETY: planes, base and work are what the encoder takes; its result lies in the work, which nothing else uses.
    let payload = unsafe weir_ternary_encode(
      &block, scratch.planes.planes, context?.baseAddress, place.dtype.coderType, scratch.work, &count)
    return unsafe Array(UnsafeBufferPointer(start: payload, count: count))
  }

  /// Unpacks a block into planes: exactly what was encoded, but that a zero has no sign.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - codec: `.ternary`, `.ternaryPlane` or `.ternaryContext`.
  ///   - base: the base's bytes of the block, as for ``encode(_:codec:base:scratch:)``.
  ///   - planes: where the block goes; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, codec: ArchiveCodec, base: UnsafeRawBufferPointer?,
    into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    let context = try unsafe checked(base, place, codec)
    var kinds = [WEIR_MASK_NONE, WEIR_MASK_ALL, WEIR_MASK_PLAIN]
    switch codec {
    case .ternaryPlane:
      if try unsafe decodePlane(payload, place, into: planes) { return }
    case .ternaryContext: kinds += [WEIR_MASK_CLASSES, WEIR_MASK_CONTEXTS]
    default: kinds.append(WEIR_MASK_CLASSES)
    }
    try unsafe PlaneBlock.decode(payload, place, kinds: kinds, base: context, codec: codec, into: planes)
  }

  /// The base where the codec reads it, and nothing where it does not.
  private static func checked(
    _ base: UnsafeRawBufferPointer?, _ place: BlockPlace, _ codec: ArchiveCodec
  ) throws(CheckpointError) -> UnsafeRawBufferPointer? {
    precondition([.ternary, .ternaryPlane, .ternaryContext].contains(codec), "a codec of the ternary form")
    guard codec == .ternaryContext else { return nil }
    guard [.f32, .f16, .bf16].contains(place.dtype) else {
      throw CheckpointError(.malformed(found: "codec 5 for \(place.dtype.rawValue)", expected: "F32, F16 or BF16"))
    }
    guard let base = unsafe base else {
      throw CheckpointError(.malformed(found: "codec 5 without a base", expected: "the base that it was made for"))
    }
    precondition(base.count == place.count * place.dtype.byteCount, "the base has the block's elements")
    return unsafe base
  }

  // Codec 4

  private static func encodePlane(
    _ place: BlockPlace, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    var block = place.block
    let byteCount = (place.count + 7) / 8
    // SAFETY: the mask has `byteCount` bytes; the payload has room for the frame and for the plain plane.
    let kept = unsafe Int(weir_planes_kept(&block, scratch.planes.planes))
    guard kept > 0 else { return PlaneBlock.finish(WEIR_MASK_NONE, 0, place, in: scratch) }
    guard kept < place.count else { return PlaneBlock.finish(WEIR_MASK_ALL, 0, place, in: scratch) }
    let mask = unsafe UnsafeRawBufferPointer(start: scratch.planes.mask, count: byteCount)
    let count = try unsafe scratch.compress(mask, level: level, at: 5)
    guard count + 4 < byteCount else {
      unsafe UnsafeMutableRawBufferPointer(rebasing: scratch.payload[1...]).copyMemory(from: mask)
      return PlaneBlock.finish(WEIR_MASK_PLAIN, byteCount, place, in: scratch)
    }
    unsafe scratch.payload.storeBytes(of: UInt32(count).littleEndian, toByteOffset: 1, as: UInt32.self)
    return PlaneBlock.finish(WEIR_MASK_ZSTD, 4 + count, place, in: scratch)
  }

  /// Decodes a block whose mask is in a zstd frame; returns whether it was one.
  private static func decodePlane(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) -> Bool {
    let perRow = UInt8(WEIR_SCALE_PER_ROW.rawValue)
    guard let flags = unsafe payload.first, flags & ~perRow == UInt8(WEIR_MASK_ZSTD.rawValue) else { return false }
    // SAFETY: every offset is compared with the payload's count before it is used, and the frame's content with the plane.
    guard payload.count >= 5 else {
      try PlaneBlock.check(WEIR_CODEC_SHORT.rawValue, payload.count, .ternaryPlane)
      return true
    }
    let count = unsafe Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    guard count <= payload.count - 5 else {
      try PlaneBlock.check(WEIR_CODEC_SHORT.rawValue, payload.count, .ternaryPlane)
      return true
    }
    let byteCount = (place.count + 7) / 8
    let mask = unsafe planes.mutableMask
    unsafe mask[(place.count - 1) / 64] = 0
    let frame = unsafe UnsafeRawBufferPointer(rebasing: payload[5..<5 + count])
    let written = unsafe ZSTD_decompress(mask, byteCount, frame.baseAddress, frame.count)
    guard ZSTD_isError(written) == 0, written == byteCount else {
      throw CheckpointError(
        .malformed(found: "a zstd frame that does not hold the mask", expected: "\(byteCount) bytes"))
    }
    unsafe mask[(place.count - 1) / 64] &= ~0 >> UInt64(63 - (place.count - 1) % 64)
    var block = place.block
    let tail = unsafe UnsafeRawBufferPointer(rebasing: payload[(5 + count)...])
    let result = unsafe weir_tail_decode(
      tail.bindMemory(to: UInt8.self).baseAddress, tail.count, &block, flags & perRow == 0 ? 0 : 1, planes.planes,
      planes.work)
    try PlaneBlock.check(result, payload.count, .ternaryPlane)
    return true
  }
}
