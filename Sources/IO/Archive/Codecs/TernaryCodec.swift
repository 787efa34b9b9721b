/// Codecs 3, 4 and 5: blocks whose values are 0 or ±s, with one s for the block or one per row.
public enum TernaryCodec {
  /// Packs values of the ternary form.
  ///
  /// - Parameters:
  ///   - values: `place.count` values, each 0 or ±s; s is one for the block, or one per row.
  ///   - place: where the block lies.
  ///   - codec: `.ternary`, `.ternaryPlane` or `.ternaryContext`.
  ///   - base: the base's bytes of the block, `place.count` elements of `place.dtype`; `.ternaryContext` alone reads them.
  ///   - scratch: memory to work in.
  /// - Returns: the block's payload.
  /// - Throws: ``CheckpointError`` where the values are not of the ternary form.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace, codec: ArchiveCodec, base: UnsafeRawBufferPointer?,
    scratch: inout CodecScratch
  ) throws(CheckpointError) -> [UInt8] {
    throw CheckpointError(.malformed(found: "codec \(codec.rawValue)", expected: "one that is built in"))
  }

  /// Unpacks a block into planes: exactly what was encoded, but that a zero has no sign.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - codec: `.ternary`, `.ternaryPlane` or `.ternaryContext`.
  ///   - base: the base's bytes of the block, as for ``encode(_:_:codec:base:scratch:)``.
  ///   - planes: where the block goes; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, codec: ArchiveCodec, base: UnsafeRawBufferPointer?,
    into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    throw CheckpointError(.malformed(found: "codec \(codec.rawValue)", expected: "one that is built in"))
  }
}
