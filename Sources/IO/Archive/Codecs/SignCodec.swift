/// Codec 6: blocks whose values are all ±s, with one s for the block or one per row.
public enum SignCodec {
  /// Packs values of the sign form; a value of 0 is refused.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace, scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    throw CheckpointError(.malformed(found: "codec 6", expected: "one that is built in"))
  }

  /// Unpacks a block into planes whose mask is all ones.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    throw CheckpointError(.malformed(found: "codec 6", expected: "one that is built in"))
  }
}
