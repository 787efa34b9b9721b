internal import WeirTensors

/// Decodes blocks of archives, one at a time, into memory that it keeps.
///
/// - Memory: what the largest decoded block takes, twice where a base must be padded; address space for more.
public final class BlockDecoder {
  /// The last block that decodes to planes.
  public let planes: PlaneBuffer
  /// Room for a base's bytes where they must be padded.
  public let padding: AlignedBuffer
  private let buffer: AlignedBuffer
  private var factor: [Float] = []

  /// Reserves address space; memory is taken when it is first used.
  public init() throws(CheckpointError) {
    planes = try PlaneBuffer()
    buffer = try AlignedBuffer(byteCount: BlockPlace.maximumCount * 8)
    padding = try AlignedBuffer(byteCount: BlockPlace.maximumCount * 8)
  }

  /// The elements of the last block that decodes to Float32, or to the result's own bytes.
  public var elements: UnsafeMutableRawPointer {
    // SAFETY: a buffer has a start.
    unsafe buffer.bytes.baseAddress.unsafelyUnwrapped
  }

  /// Decodes what all blocks of a tensor share.
  public func decodeShared(_ payload: UnsafeRawBufferPointer, of tensor: ArchiveTensor) throws(CheckpointError) {
    guard case .lowrank(let rank) = tensor.coding else { return }
    factor = try unsafe LowRankCodec.decodeRight(payload, rank: rank, columns: tensor.info.shape.rowLength)
  }

  /// Decodes a block.
  ///
  /// - Parameters:
  ///   - payload: its bytes, whose checksum has been checked.
  ///   - tensor: the tensor, whose shared block has been decoded where it has one.
  ///   - place: where the block lies.
  ///   - base: the base's bytes of the block, for codecs that decode against them.
  /// - Throws: ``CheckpointError`` where the payload is not a block for this place.
  public func decode(
    _ payload: UnsafeRawBufferPointer, of tensor: ArchiveTensor, _ place: BlockPlace, base: UnsafeRawBufferPointer?
  ) throws(CheckpointError) {
    // SAFETY: the buffer has room for the largest block of the widest elements.
    let values = unsafe UnsafeMutableBufferPointer(
      start: elements.assumingMemoryBound(to: Float.self), count: place.count)
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: elements, count: place.bytes.count)
    switch tensor.coding {
    case .same: return
    case .ternary, .ternaryPlane, .ternaryContext:
      try unsafe TernaryCodec.decode(payload, place, codec: tensor.codec, base: base, into: planes)
    case .sign: try unsafe SignCodec.decode(payload, place, into: planes)
    case .seeded(let mask): try unsafe SeededCodec.decode(payload, place, mask: mask, into: planes)
    case .dare(let mask): try unsafe DareCodec.decode(payload, place, mask: mask, into: values)
    case .dense(let dtype): try unsafe DenseCodec.decode(payload, place, as: dtype, into: values)
    case .sparse(isExact: false): try unsafe SparseCodec.decode(payload, place, into: values)
    case .sparse(isExact: true): try unsafe SparseCodec.decodeExact(payload, place, base: base, into: bytes)
    case .lossless: try unsafe LosslessCodec.decode(payload, place, base: base, into: bytes)
    case .stored: try unsafe StoredCodec.decode(payload, place, into: bytes)
    case .lowrank(let rank): try unsafe LowRankCodec.decodeRows(payload, place, rank: rank, right: factor, into: values)
    }
  }
}
