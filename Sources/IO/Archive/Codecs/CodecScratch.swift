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
  private var split = weir_split()
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

  // MARK: - Values

  /// Begins a block of planes, whose values are then added.
  public mutating func startBlock() {
    // SAFETY: the state is read and written during the call alone.
    unsafe weir_split_start(&split)
  }

  /// Adds values of a block, those that follow the ones added before.
  ///
  /// - Parameters:
  ///   - values: 0 or ±s, with one s for the block or one per row; no more than are left of the block.
  ///   - place: where the block lies.
  public mutating func add(_ values: UnsafeBufferPointer<Float>, of place: BlockPlace) {
    precondition(values.count <= place.count - Int(split.count), "a block has as many values as its place says")
    var block = place.block
    // SAFETY: the values were counted, and planes have room for every block.
    unsafe weir_split_add(&split, &block, values.baseAddress, UInt32(values.count), planes.planes)
  }

  /// Ends what ``startBlock()`` began: ``planes`` has the block.
  ///
  /// - Throws: ``CheckpointError`` where the values were not of the form that planes have.
  mutating func finishBlock(_ place: BlockPlace) throws(CheckpointError) {
    precondition(Int(split.count) == place.count, "all values of the block were added")
    // SAFETY: as for ``add(_:of:)``.
    guard unsafe weir_split_finish(&split, planes.planes) == 0 else { throw PlaneBlock.wrongForm }
  }

  // MARK: - Memory

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
