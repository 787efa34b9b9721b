public import WeirTensors

internal import CCodecs

/// Codec 2: the delta's values as they are, F32 or BF16; any reader of safetensors has them.
public enum DenseCodec {
  /// Packs values.
  ///
  /// - Parameters:
  ///   - values: `place.count` values; each one that BF16 holds exactly, where that is the type.
  ///   - place: where the block lies.
  ///   - dtype: `.f32` or `.bf16`.
  /// - Throws: ``CheckpointError`` where BF16 does not hold a value.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, _ place: BlockPlace, as dtype: DType
  ) throws(CheckpointError) -> [UInt8] {
    precondition(values.count == place.count, "a block has as many values as its place says")
    // SAFETY: the buffer lives for the call, and all its bytes are written.
    guard dtype == .bf16 else { return unsafe Array(UnsafeRawBufferPointer(values)) }
    var result: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 2 * values.count) { buffer, initialised in
      result = unsafe weir_narrow_bf16(values.baseAddress, values.count, buffer.baseAddress)
      initialised = 2 * values.count
    }
    guard result == 0 else {
      throw CheckpointError(.malformed(found: "values of more bits than BF16 has", expected: "rounded ones"))
    }
    return bytes
  }

  /// Unpacks values.
  ///
  /// - Throws: ``CheckpointError`` where the payload has another number of bytes.
  public static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, as dtype: DType,
    into values: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    precondition(values.count == place.count, "room for as many values as the place says")
    let byteCount = place.count * dtype.byteCount
    guard payload.count == byteCount, dtype == .f32 || dtype == .bf16 else {
      throw CheckpointError(
        .malformed(
          found: "block of \(payload.count) bytes", expected: "\(byteCount) for \(place.count) of \(dtype.rawValue)"))
    }
    // SAFETY: both have as many bytes as was just checked.
    if dtype == .bf16 {
      unsafe weir_widen_bf16(payload.baseAddress, place.count, values.baseAddress)
    } else {
      unsafe UnsafeMutableRawBufferPointer(values).copyMemory(from: payload)
    }
  }
}
