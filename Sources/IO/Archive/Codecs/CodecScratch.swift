internal import CCodecs
internal import CZstd

/// What encoding a block works in; one per worker, reused between blocks.
///
/// Memory: that of a ``PlaneBuffer``, and address space of 9 MiB, of which pages are taken when they are first needed; a
/// zstd context of 2 MiB where ``ArchiveCodec/ternaryPlane`` is used.
///
/// The memory has one owner, so a scratch may move to another thread; hence `@unchecked Sendable`.
@safe
public struct CodecScratch: ~Copyable, @unchecked Sendable {
  /// The most bytes that a block of planes takes: a byte of flags, a frame's length, a plane, and what follows it.
  private static let payloadBytes = 8 + Int(ZSTD_compressBound(BlockPlace.maximumCount / 8)) + Int(WEIR_TAIL_BYTES)

  /// The planes of the block being encoded.
  let planes: PlaneBuffer
  private let workMemory: AlignedBuffer
  private let payloadMemory: AlignedBuffer
  private var compressor: OpaquePointer?

  /// Reserves address space for the largest block.
  public init() throws(CheckpointError) {
    let planes = try PlaneBuffer()
    let workMemory = try AlignedBuffer(byteCount: Int(WEIR_TERNARY_ENCODE_BYTES))
    let payloadMemory = try AlignedBuffer(byteCount: Self.payloadBytes)
    self.planes = planes
    self.workMemory = workMemory
    self.payloadMemory = payloadMemory
  }

  deinit {
    // SAFETY: the context, if any, was made by this scratch alone; nothing is freed where there is none.
    unsafe _ = ZSTD_freeCCtx(compressor)
  }

  /// What the encoder of density classes works in; its alone, so that the tables which it builds in it stay.
  var work: UnsafeMutableRawPointer {
    // SAFETY: a buffer has at least one page.
    unsafe workMemory.bytes.baseAddress.unsafelyUnwrapped
  }

  /// Room for the payload of any block of planes.
  var payload: UnsafeMutableRawBufferPointer { unsafe payloadMemory.bytes }

  /// Compresses bytes to one zstd frame in ``payload`` from `offset` on; returns its length.
  mutating func compress(_ bytes: UnsafeRawBufferPointer, level: Int32, at offset: Int) throws(CheckpointError) -> Int {
    // SAFETY: the context belongs to this scratch; the frame's room ends where the payload's does.
    if unsafe compressor == nil { unsafe compressor = ZSTD_createCCtx() }
    guard let context = unsafe compressor else { throw CheckpointError(.outOfMemory(byteCount: 2 << 20)) }
    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: payload[offset...])
    let count = unsafe ZSTD_compressCCtx(context, room.baseAddress, room.count, bytes.baseAddress, bytes.count, level)
    guard ZSTD_isError(count) == 0 else { throw CheckpointError(.outOfMemory(byteCount: bytes.count)) }
    return count
  }
}
