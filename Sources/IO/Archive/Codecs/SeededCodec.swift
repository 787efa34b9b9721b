/// Codec 7: blocks whose values are ±s where a seeded random mask keeps, and 0 elsewhere.
public enum SeededCodec {
  /// Packs values of the seeded form: only the signs of kept elements, and the scales, are stored.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace, mask: SeededMask, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    throw CheckpointError(.malformed(found: "codec 7", expected: "one that is built in"))
  }

  /// Unpacks a block into planes; the mask is drawn again.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, mask: SeededMask, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    throw CheckpointError(.malformed(found: "codec 7", expected: "one that is built in"))
  }
}
