internal import CCodecs
internal import WeirTensors

/// Codec 9: a few values, and which elements they belong to.
///
/// Values are those of the delta, BF16, or the result's own elements where they differ from the base's: then the block is
/// exact. Which elements have one is coded as ternary blocks code it, by density classes, and by the base's exponents where
/// the block is exact; the values are a list coded by ``LosslessCodec``, against the base's elements in these places.
///
/// - Source: the coders are those of ``TernaryCodec`` and ``LosslessCodec``; the form suits updates of reinforcement learning,
///   which change a few elements in a hundred (Mukherjee et al., 2025, arXiv:2505.11711).
public enum SparseCodec {
  /// What a block's values are, as its first byte says.
  private enum Values: UInt8 {
    case deltas = 0
    case elements = 1
  }

  /// Kind, number of values, and bytes of the mask.
  private static let headerBytes = 9

  /// Packs values of the sparse form.
  ///
  /// - Parameters:
  ///   - values: `place.count` values, 0 or ones that BF16 holds exactly.
  ///   - place: where the block lies.
  /// - Throws: ``CheckpointError`` where BF16 does not hold a value.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace
  ) throws(CheckpointError) -> [UInt8] {
    precondition(values.count == place.count, "a block has as many values as its place says")
    return try ValueBench.lend { bench throws(CheckpointError) in
      let (count, mask) = unsafe (UInt32(place.count), bench.mask)
      // SAFETY: masks and lists have room for every block; the values were counted.
      let kept = Int(unsafe weir_mask_nonzero(values.baseAddress, count, mask))
      let list = unsafe bench.list.assumingMemoryBound(to: UInt16.self)
      guard unsafe weir_gather_bf16(values.baseAddress, mask, count, list) == 0 else {
        throw CheckpointError(.malformed(found: "values of more bits than BF16 has", expected: "rounded ones"))
      }
      return unsafe encode(.deltas, place, kept: kept, context: nil, .bf16, base: nil, bench)
    }
  }

  /// Packs the elements that differ from the base's.
  ///
  /// - Parameters:
  ///   - result: `place.count` elements of `place.dtype`, which is F32, F16 or BF16.
  ///   - base: as many of the base; `nil` for zeros.
  ///   - place: where the block lies.
  public static func encode(
    exact result: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer?, _ place: BlockPlace
  ) throws(CheckpointError) -> [UInt8] {
    precondition(LosslessCodec.takes(place.dtype), "a type of float that the codec takes")
    precondition(result.count == place.bytes.count, "a block has as many elements as its place says")
    try unsafe LosslessCodec.check(base, place)
    return try ValueBench.lend { bench throws(CheckpointError) in
      let (count, mask, width) = unsafe (UInt32(place.count), bench.mask, UInt32(place.dtype.byteCount))
      // SAFETY: as above; the base was counted, and there are as many zeros as a block may have bytes.
      let known = unsafe base?.baseAddress ?? bench.zeros
      let kept = unsafe Int(weir_mask_differing(result.baseAddress, known, width, count, mask))
      unsafe weir_gather(result.baseAddress, width, mask, count, bench.list)
      unsafe weir_gather(known, width, mask, count, bench.baseList)
      return unsafe encode(
        .elements, place, kept: kept, context: known, place.dtype, base: bench.baseList, bench)
    }
  }

  /// The payload of the bench's mask and list.
  private static func encode(
    _ values: Values, _ place: BlockPlace, kept: Int, context: UnsafeRawPointer?, _ dtype: DType,
    base: UnsafeRawPointer?, _ bench: ValueBench
  ) -> [UInt8] {
    let mask = unsafe encodeMask(place, kept: kept, context: context, bench)
    var payload: [UInt8] = [values.rawValue]
    for number in [kept, mask.count] { payload += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    payload += mask
    if kept > 0 {
      payload += unsafe LosslessCodec.encode(bench.list, base: base, count: kept, rowLength: kept, dtype, bench)
    }
    return payload
  }

  /// A ternary block of the mask, without the scale and the signs that end it: they say nothing here.
  private static func encodeMask(
    _ place: BlockPlace, kept: Int, context: UnsafeRawPointer?, _ bench: ValueBench
  ) -> ArraySlice<UInt8> {
    var block = place.block
    var byteCount = 0
    let planes = unsafe bench.planes.planes.planes
    let wordCount = (place.count + 63) / 64
    // SAFETY: planes have room for every block, and as many words are copied as the block has; the coder's result lies in its
    // work until that is used again.
    unsafe planes.pointee.mask.update(from: bench.mask, count: wordCount)
    unsafe planes.pointee.sign.update(repeating: 0, count: wordCount)
    unsafe planes.pointee.scales[0] = 1
    unsafe planes.pointee.scale_count = 1
    unsafe planes.pointee.is_per_row = 0
    let bytes = unsafe weir_ternary_encode(
      &block, planes, context, place.dtype.coderType, bench.planes.work, &byteCount)
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount)).dropLast(tailBytes(kept))
  }

  /// Bytes of a scale and of signs, which a ternary block of so many kept elements ends with.
  private static func tailBytes(_ kept: Int) -> Int { kept == 0 ? 0 : 4 + (kept + 7) / 8 }

  /// Unpacks values of the delta.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block lies.
  ///   - values: room for `place.count` values; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, into values: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    precondition(values.count == place.count, "room for as many values as the place says")
    try ValueBench.lend { bench throws(CheckpointError) in
      let (kept, list) = try unsafe decodeMask(payload, .deltas, place, context: nil, bench)
      if kept > 0 { try unsafe LosslessCodec.decode(list, base: nil, count: kept, .bf16, into: bench.list, bench) }
      // SAFETY: the mask keeps as many elements as were decoded, all within the block.
      unsafe weir_scatter_bf16(
        bench.list.assumingMemoryBound(to: UInt16.self), bench.planes.planes.mask, UInt32(place.count),
        values.baseAddress)
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
  public static func decodeExact(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, base: UnsafeRawBufferPointer?,
    into result: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    guard LosslessCodec.takes(place.dtype) else {
      throw CheckpointError(.malformed(found: "codec 9 for \(place.dtype.rawValue)", expected: "F32, F16 or BF16"))
    }
    precondition(result.count == place.bytes.count, "room for as many elements as the place says")
    try unsafe LosslessCodec.check(base, place)
    try ValueBench.lend { bench throws(CheckpointError) in
      let (count, width) = (UInt32(place.count), UInt32(place.dtype.byteCount))
      let known = unsafe base?.baseAddress ?? bench.zeros
      let (kept, list) = try unsafe decodeMask(payload, .elements, place, context: known, bench)
      let mask = unsafe bench.planes.planes.mask
      // SAFETY: as for values and for encoding.
      unsafe result.copyMemory(from: UnsafeRawBufferPointer(start: known, count: result.count))
      guard kept > 0 else { return }
      unsafe weir_gather(known, width, mask, count, bench.baseList)
      try unsafe LosslessCodec.decode(list, base: bench.baseList, count: kept, place.dtype, into: bench.list, bench)
      unsafe weir_scatter_list(bench.list, width, mask, count, result.baseAddress)
    }
  }

  /// Decodes the mask into the bench's planes; gives back the number of values, and their payload.
  private static func decodeMask(
    _ payload: UnsafeRawBufferPointer, _ values: Values, _ place: BlockPlace, context: UnsafeRawPointer?,
    _ bench: ValueBench
  ) throws(CheckpointError) -> (kept: Int, payload: UnsafeRawBufferPointer) {
    // SAFETY: every read is of bytes whose number was checked before.
    guard payload.count >= headerBytes, unsafe payload[0] == values.rawValue else {
      throw CheckpointError(
        .malformed(found: "sparse block of \(payload.count) bytes", expected: "values of kind \(values.rawValue)"))
    }
    let kept = unsafe Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    let maskBytes = unsafe Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 5, as: UInt32.self)))
    let end = headerBytes + maskBytes
    // The end of the mask is not there, and with it no scale of any row.
    guard kept <= place.count, maskBytes > 0, end <= payload.count,
      unsafe payload[headerBytes] & UInt8(WEIR_SCALE_PER_ROW.rawValue) == 0
    else {
      throw CheckpointError(
        .malformed(
          found: "sparse block of \(kept) values with a mask of \(maskBytes) bytes",
          expected: "at most \(place.count), within the block"))
    }
    // The coder of masks wants a scale and signs.
    var block = unsafe Array(payload[headerBytes..<end])
    if kept > 0 { block += [0, 0, 0x80, 0x3F] + [UInt8](repeating: 0, count: (kept + 7) / 8) }
    var kinds = [WEIR_MASK_NONE, WEIR_MASK_ALL, WEIR_MASK_PLAIN, WEIR_MASK_CLASSES]
    if values == .elements { kinds.append(WEIR_MASK_CONTEXTS) }
    let allowed = kinds.reduce(UInt32(0)) { $0 | 1 << $1.rawValue }
    var position = place.block
    let result = unsafe weir_ternary_decode(
      block, block.count, &position, allowed, context, place.dtype.coderType, bench.planes.planes.planes,
      bench.planes.planes.work)
    try CoderResult.check(result, block.count)
    let rest = unsafe UnsafeRawBufferPointer(rebasing: payload[end...])
    let found = unsafe Int(weir_mask_kept(bench.planes.planes.mask, UInt32(place.count)))
    guard found == kept, unsafe kept > 0 || rest.isEmpty else {
      throw CheckpointError(.malformed(found: "a mask that keeps another number of values", expected: "\(kept)"))
    }
    return unsafe (kept, rest)
  }
}
