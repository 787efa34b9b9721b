internal import CCodecs

/// Codec 6: blocks whose values are all ±s, with one s for the block or one per row; a bit per element.
///
/// A block or row whose values are all 0 has the scale 0, and so comes back.
///
/// - Source: BitDelta (Liu et al., 2024, arXiv:2402.10193) for the form of the values.
public enum SignCodec {
  /// Packs the values of the sign form, ±s, that were added to `scratch`.
  ///
  /// - Parameters:
  ///   - place: where the block lies.
  ///   - scratch: memory to work in.
  /// - Returns: the block's payload.
  /// - Throws: ``CheckpointError`` where the values are not of the sign form; 0 beside another value is not.
  public static func encode(
    _ place: BlockPlace, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    try scratch.finishBlock(place)
    // SAFETY: the payload has room for a plane; it is written anew after the mask has been taken from it.
    let mask = unsafe scratch.payload.bindMemory(to: UInt64.self)
    let wordCount = (place.count + 63) / 64
    for word in 0..<wordCount { unsafe mask[word] = ~0 }
    unsafe mask[wordCount - 1] = ~0 >> UInt64(63 - (place.count - 1) % 64)
    try unsafe PlaneBlock.impose(UnsafePointer(mask.baseAddress.unsafelyUnwrapped), place, in: scratch)
    return PlaneBlock.finish(WEIR_MASK_ALL, 0, place, in: scratch)
  }

  /// Unpacks a block into planes whose mask is all ones.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - planes: where the block goes; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    try unsafe PlaneBlock.decode(payload, place, kinds: [WEIR_MASK_ALL], codec: .sign, into: planes)
  }
}
