internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What a worker makes archives with, and checks their bases through.
final class CodingBench {
  /// What coding works in.
  private var scratch: CodecScratch
  /// Coded blocks on their way to the file.
  var payloads: [ArchivePayload] = []
  /// Pieces of tensors that the worker's present block has finished.
  var pieces: [TensorHasher.Piece] = []
  let scan = NonFiniteScan()
  private var bases: WindowReader
  private let padding: AlignedBuffer
  private let machine = TileMachine()

  /// - Parameter allowsLargePages: whether a window on a base may hold the rest of the large pages that it begins and ends in.
  init(allowsLargePages: Bool = true) throws(CheckpointError) {
    bases = WindowReader(reach: 0, allowsLargePages: allowsLargePages)
    scratch = try CodecScratch()
    padding = try AlignedBuffer(byteCount: BlockPlace.maximumCount * 8)
  }

  /// Lends what coding works in.
  ///
  /// The access is made here and not by callers, where the thread sanitizer's instrumentation of it ends the compiler.
  func withScratch<Value>(
    _ body: (inout CodecScratch) throws(CheckpointError) -> Value
  ) throws(CheckpointError) -> Value { try body(&scratch) }

  /// Begins a block of planes.
  func startPlanes() { scratch.startBlock() }

  /// Adds values to the block of planes, those that follow the ones added before.
  func addPlanes(_ values: UnsafeBufferPointer<Float>, of place: BlockPlace) {
    unsafe scratch.add(values, of: place)
  }

  /// A part of a base's tensor, zeros beyond its end; valid until the next call.
  func openBase(
    _ file: InputFile, tensor bytes: Range<Int>, part: Range<Int>
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    try unsafe bases.open(file, tensor: bytes, part: part, slot: 0, padding: padding)
  }

  /// Adds prepared values to the base, exactly as applying the archive does.
  ///
  /// - Parameters:
  ///   - application: reads the values, and the base if there is one.
  ///   - values: those of `elements`.
  ///   - elements: some of the tensor's that lie in the place.
  ///   - base: all of the place's elements of the base.
  ///   - target: where the result of the place's first element goes.
  func restore(
    _ application: Application, _ values: UnsafePointer<Float>, _ elements: Range<Int>, of place: BlockPlace,
    base: UnsafeRawBufferPointer?, into target: UnsafeMutableRawPointer
  ) {
    let values = unsafe UnsafeRawPointer(values)
    let inputs = unsafe [
      InputWindow(address: values, first: elements.lowerBound),
      InputWindow(address: base?.baseAddress ?? values, first: place.first),
    ]
    // SAFETY: windows cover the elements, and the target has room for the place's results.
    let result = unsafe target + (elements.lowerBound - place.first) * place.dtype.byteCount
    // Nothing is checked, so nothing is found.
    try? unsafe machine.apply(application, to: elements, inputs: inputs, into: result, as: place.dtype)
  }

  /// Decodes rows of a low-rank matrix to Float32, into the first bytes of a buffer.
  func decodeLowRank(
    _ rows: [UInt8], _ place: BlockPlace, rank: Int, right: [UInt8], into block: borrowing AlignedBuffer
  ) throws(CheckpointError) {
    let values = unsafe UnsafeMutableBufferPointer(
      start: block.bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self), count: place.count)
    // SAFETY: the arrays live for the calls, and a worker's block has room for the values of a place.
    let factor = unsafe right.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in
        try unsafe LowRankCodec.decodeRight(bytes, rank: rank, columns: place.rowLength)
      }
    }
    let known = try factor.get()
    let decoded = unsafe rows.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in
        try unsafe LowRankCodec.decodeRows(bytes, place, rank: rank, right: known, into: values)
      }
    }
    try decoded.get()
  }
}
