internal import CCodecs
internal import WeirTensors

/// What the codecs of planes have in common: values to planes, a payload's end, and what a refusal says.
enum PlaneBlock {
  /// Gives the scratch's planes a mask that is not stored; elements that it keeps may have value 0 where their row's all do.
  static func impose(
    _ mask: UnsafePointer<UInt64>, _ place: BlockPlace, in scratch: borrowing CodecScratch
  ) throws(CheckpointError) {
    var block = place.block
    // SAFETY: the mask has a word for every 64 elements, as the planes have.
    guard unsafe weir_planes_impose(&block, mask, scratch.planes.planes) == 0 else { throw wrongForm }
  }

  /// The payload of a byte for `kind`, the `count` bytes that the scratch has after it, scales and signs.
  static func finish(
    _ kind: weir_mask_kind, _ count: Int, _ place: BlockPlace, in scratch: borrowing CodecScratch
  ) -> [UInt8] {
    var block = place.block
    // SAFETY: the payload has room for a plane in a frame and WEIR_TAIL_BYTES after it.
    let payload = unsafe scratch.payload
    let start = 1 + count
    let bytes = unsafe payload.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
    let end = unsafe start + weir_tail_encode(&block, scratch.planes.planes, bytes + start)
    let isPerRow = scratch.planes.isPerRow && end > start
    unsafe payload[0] = UInt8(kind.rawValue) | (isPerRow ? UInt8(WEIR_SCALE_PER_ROW.rawValue) : 0)
    return unsafe Array(UnsafeRawBufferPointer(rebasing: payload[..<end]))
  }

  /// Decodes a payload whose mask is of one of `kinds`.
  static func decode(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, kinds: [weir_mask_kind],
    base: UnsafeRawBufferPointer? = nil,
    codec: ArchiveCodec, into planes: borrowing PlaneBuffer
  ) throws(CheckpointError) {
    var block = place.block
    let allowed = kinds.reduce(UInt32(0)) { $0 | 1 << $1.rawValue }
    // SAFETY: the payload is read within its count, the base was counted by the caller, planes and work belong to the buffer.
    let result = unsafe weir_ternary_decode(
      payload.bindMemory(to: UInt8.self).baseAddress, payload.count, &block, allowed, base?.baseAddress,
      place.dtype.coderType, planes.planes, planes.work)
    try check(result, payload.count, codec)
  }

  /// Throws what a decoder's result means.
  static func check(_ result: Int32, _ byteCount: Int, _ codec: ArchiveCodec) throws(CheckpointError) {
    guard result != 0 else { return }
    let found: String
    let expected: String
    switch result {
    case WEIR_CODEC_SHORT.rawValue:
      (found, expected) = ("block ends after \(byteCount) bytes", "masks, scales and signs of all its elements")
    case WEIR_CODEC_TRAILING.rawValue:
      (found, expected) = ("block of \(byteCount) bytes has some left over", "none after the last sign")
    case WEIR_CODEC_FLAGS.rawValue:
      (found, expected) = ("block begins with no kind of mask that codec \(codec.rawValue) has", "one")
    case WEIR_CODEC_SCALE.rawValue:
      (found, expected) = ("block has a scale that is no magnitude", "finite ones from 0 up")
    case WEIR_CODEC_STATE.rawValue:
      (found, expected) = ("entropy coder ends in the wrong state", "the one that it began with")
    default:
      (found, expected) = ("block has a number out of its range", "classes, groups and padding as they are coded")
    }
    throw CheckpointError(.malformed(found: found, expected: expected))
  }

  /// What an encoder says of values that its codec cannot hold.
  static var wrongForm: CheckpointError {
    CheckpointError(
      .malformed(
        found: "values of several magnitudes in a row, or not finite, or 0 where the codec keeps",
        expected: "0 or ±s with one finite s for the block or the row"))
  }
}

extension DType {
  /// The type as the coders in C know it; those that have a base take F32, F16 and BF16.
  var coderType: Int32 {
    switch self {
    case .f32: 0
    case .f16: 1
    default: 2
    }
  }
}
