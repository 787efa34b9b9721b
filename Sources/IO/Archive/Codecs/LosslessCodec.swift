internal import CCodecs
public import WeirTensors

/// Codec 10: the exact difference from the base, in units of the last place.
///
///     token of an element = units between its magnitude and max(|base|, σ/4), and whether signs differ
///     table of a token    = by ⌊4 log₂(σ / unit of the base's element)⌋
///
/// Within a binade of the base a unit is constant, so that the spread of the difference follows from the scale σ of the row's
/// delta and the base's exponent, which the reader has. Tables of frequencies are part of the block; tokens are coded by rANS.
/// Without a base all its elements are +0. Byte-exact for every bit pattern, NaN and -0 included.
///
/// - Source: FM-Delta (Ning et al., 2024) for differences of ordered floats; rANS (Duda, 2013, arXiv:1311.2540); the classes
///   are Weir's own, see docs/archive-format.md.
public enum LosslessCodec {
  /// Whether the codec takes elements of a type.
  public static func takes(_ dtype: DType) -> Bool { dtype == .f32 || dtype == .f16 || dtype == .bf16 }

  /// Codes the result's elements against the base's.
  ///
  /// - Parameters:
  ///   - result: `place.count` elements of `place.dtype`, which is F32, F16 or BF16.
  ///   - base: as many of the base; `nil` for zeros.
  ///   - place: where the block lies.
  /// - Returns: the block's payload, at most one byte longer than `result`.
  public static func encode(
    _ result: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer?, _ place: BlockPlace
  ) throws(CheckpointError) -> [UInt8] {
    precondition(takes(place.dtype), "a type of float that the codec takes")
    precondition(result.count == place.bytes.count, "a block has as many elements as its place says")
    try unsafe check(base, place)
    return try ValueBench.lend { bench throws(CheckpointError) in
      unsafe encode(
        result.baseAddress, base: base?.baseAddress, count: place.count, rowLength: place.rowLength, place.dtype, bench)
    }
  }

  /// Restores the result's elements.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - base: the base's elements of the block; `nil` for zeros.
  ///   - result: room for `place.count` elements of `place.dtype`; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place and base.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, base: UnsafeRawBufferPointer?,
    into result: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    guard takes(place.dtype) else {
      throw CheckpointError(.malformed(found: "codec 10 for \(place.dtype.rawValue)", expected: "F32, F16 or BF16"))
    }
    precondition(result.count == place.bytes.count, "room for as many elements as the place says")
    try unsafe check(base, place)
    try ValueBench.lend { bench throws(CheckpointError) in
      try unsafe decode(
        payload, base: base?.baseAddress, count: place.count, place.dtype, into: result.baseAddress, bench)
    }
  }

  /// Refuses a base of another size than the block's.
  static func check(_ base: UnsafeRawBufferPointer?, _ place: BlockPlace) throws(CheckpointError) {
    guard let count = unsafe base?.count, count != place.bytes.count else { return }
    throw CheckpointError(
      .malformed(found: "\(count) bytes of the base", expected: "the \(place.bytes.count) of the block"))
  }

  /// The payload of a list of elements; there is at least one.
  static func encode(
    _ elements: UnsafeRawPointer?, base: UnsafeRawPointer?, count: Int, rowLength: Int, _ dtype: DType,
    _ bench: ValueBench
  ) -> [UInt8] {
    // SAFETY: lists were counted by the callers; work and payload have room for every block, and are the caller's alone.
    let size = unsafe weir_lossless_encode(
      dtype.coderType, UInt32(count), UInt64(rowLength), elements, base, bench.work, bench.payload)
    return unsafe Array(UnsafeBufferPointer(start: bench.payload, count: size))
  }

  /// Decodes a list of elements; there is at least one. All levels of instructions give the same.
  static func decode(
    _ payload: UnsafeRawBufferPointer, base: UnsafeRawPointer?, count: Int, _ dtype: DType,
    into elements: UnsafeMutableRawPointer?, _ bench: ValueBench, level: UInt32 = WEIR_LEVEL_BEST.rawValue
  ) throws(CheckpointError) {
    // SAFETY: as for encoding; the payload is read within its count.
    let result = unsafe weir_lossless_decode(
      dtype.coderType, UInt32(count), payload.bindMemory(to: UInt8.self).baseAddress, payload.count, base, bench.work,
      elements, Int32(level))
    try CoderResult.check(result, payload.count)
  }
}
