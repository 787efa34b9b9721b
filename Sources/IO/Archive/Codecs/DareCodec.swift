internal import CCodecs
internal import WeirTensors

/// Codec 8: blocks whose values stand where a seeded random mask keeps, and are 0 elsewhere.
///
/// The mask is drawn again from its key and stored nowhere. Values are BF16, coded as a list by ``LosslessCodec`` without a
/// base: two thirds of their bytes.
///
/// - Source: DARE (Yu et al., 2023, arXiv:2311.03099) for the form of the values.
public enum DareCodec {
  /// Packs values of the dare form.
  ///
  /// - Parameters:
  ///   - values: `place.count` values: 0 where `mask` drops, and elsewhere ones that BF16 holds exactly.
  ///   - place: where the block lies.
  ///   - mask: the tensor's mask.
  /// - Throws: ``CheckpointError`` where the values are not of the dare form.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace, mask: SeededMask
  ) throws(CheckpointError) -> [UInt8] {
    precondition(values.count == place.count, "a block has as many values as its place says")
    return try ValueBench.lend { bench throws(CheckpointError) in
      let (count, kept, nonzero) = unsafe (UInt32(place.count), bench.mask, bench.otherMask)
      var block = place.block
      // SAFETY: masks and lists have room for every block; the values were counted.
      unsafe weir_seeded_mask(&block, mask.key, mask.limit, kept)
      unsafe _ = weir_mask_nonzero(values.baseAddress, count, nonzero)
      let list = unsafe bench.list.assumingMemoryBound(to: UInt16.self)
      guard unsafe weir_mask_covers(kept, nonzero, count) != 0,
        unsafe weir_gather_bf16(values.baseAddress, kept, count, list) == 0
      else {
        throw CheckpointError(
          .malformed(
            found: "values that the mask drops, or of more bits than BF16 has", expected: "0 and rounded ones"))
      }
      let keptCount = Int(unsafe weir_mask_kept(kept, count))
      if keptCount == 0 { return [0] }
      return unsafe LosslessCodec.encode(list, base: nil, count: keptCount, rowLength: keptCount, .bf16, bench)
    }
  }

  /// Unpacks a block.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - mask: the tensor's mask.
  ///   - values: room for `place.count` values; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, mask: SeededMask,
    into values: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    precondition(values.count == place.count, "room for as many values as the place says")
    try ValueBench.lend { bench throws(CheckpointError) in
      let (count, kept) = unsafe (UInt32(place.count), bench.mask)
      var block = place.block
      // SAFETY: as for encoding.
      unsafe weir_seeded_mask(&block, mask.key, mask.limit, kept)
      let keptCount = Int(unsafe weir_mask_kept(kept, count))
      if keptCount == 0 {
        guard payload.count == 1, unsafe payload[0] == 0 else {
          throw CheckpointError(.malformed(found: "block of values", expected: "a zero byte, for none are kept"))
        }
      } else {
        try unsafe LosslessCodec.decode(payload, base: nil, count: keptCount, .bf16, into: bench.list, bench)
      }
      unsafe weir_scatter_bf16(
        bench.list.assumingMemoryBound(to: UInt16.self), kept, count, values.baseAddress)
    }
  }
}
