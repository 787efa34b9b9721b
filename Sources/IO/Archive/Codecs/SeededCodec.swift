internal import CCodecs

/// Codec 7: blocks whose values are ±s where a seeded random mask keeps, and 0 elsewhere; a bit per kept element.
///
/// The mask is drawn again from its key and stored nowhere. A block or row whose kept values are all 0 has the scale 0.
///
/// - Source: DARE (Yu et al., 2023, arXiv:2311.03099) for the mask, BitDelta (Liu et al., 2024, arXiv:2402.10193) for the signs;
///   storing a seed for the mask is Weir's own.
public enum SeededCodec {
  /// Packs the values of the seeded form, ±s where `mask` keeps and 0 elsewhere, that were added to `scratch`: only the signs of kept
  /// elements, and the scales, are stored.
  ///
  /// - Parameters:
  ///   - place: where the block lies.
  ///   - mask: the tensor's mask.
  ///   - scratch: memory to work in.
  /// - Returns: the block's payload.
  /// - Throws: ``CheckpointError`` where the values are not of the seeded form.
  public static func encode(
    _ place: BlockPlace, mask: SeededMask, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    try scratch.finishBlock(place)
    var block = place.block
    // SAFETY: the payload has room for a plane; it is written anew after the mask has been taken from it.
    let drawn = unsafe scratch.payload.bindMemory(to: UInt64.self).baseAddress.unsafelyUnwrapped
    unsafe weir_seeded_mask(&block, mask.key, mask.limit, drawn)
    try unsafe PlaneBlock.impose(UnsafePointer(drawn), place, in: scratch)
    return PlaneBlock.finish(WEIR_MASK_SEEDED, 0, place, in: scratch)
  }

  /// Unpacks a block into planes; the mask is drawn again.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - mask: the tensor's mask.
  ///   - planes: where the block goes; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, mask: SeededMask, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    var block = place.block
    // SAFETY: the planes have room for the mask of every block.
    unsafe weir_seeded_mask(&block, mask.key, mask.limit, planes.mutableMask)
    try unsafe PlaneBlock.decode(payload, place, kinds: [WEIR_MASK_SEEDED], codec: .seeded, into: planes)
  }
}
