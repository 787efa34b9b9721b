internal import CCodecs

/// What coding values works in: lent for a call, and kept for the next.
///
/// There are as many as there ever were calls at one time. Memory: address space, of which pages are taken when they are first
/// needed: decoding a block of the codec `lossless` takes 0.6 MiB, encoding one of 2¹⁹ elements up to 5 MiB; sparse codecs
/// take what their planes do beside it.
@safe
final class ValueBench: Sendable {
  private static let idle = Lock<[ValueBench]>([])
  private static let listBytes = BlockPlace.maximumCount * 4
  private static let payloadBytes = listBytes + AlignedBuffer.alignment
  private static let maskBytes = BlockPlace.maximumCount / 8

  /// Planes, and what coding them takes.
  let planes: CodecScratch
  private let memory: AlignedBuffer

  private init() throws(CheckpointError) {
    let planes = try CodecScratch()
    memory = try AlignedBuffer(
      byteCount: Int(WEIR_LOSSLESS_WORK_BYTES) + 3 * Self.listBytes + Self.payloadBytes + 2 * Self.maskBytes)
    self.planes = planes
  }

  /// Runs `body` with a bench of its own.
  static func lend<Result>(
    _ body: (ValueBench) throws(CheckpointError) -> Result
  ) throws(CheckpointError) -> Result {
    let kept = idle.withLock { $0.popLast() }
    let bench = if let kept { kept } else { try ValueBench() }
    defer { idle.withLock { $0.append(bench) } }
    return try body(bench)
  }

  private func part(_ start: Int) -> UnsafeMutableRawPointer {
    // SAFETY: the starts below lie within the buffer, each part's end at the next one's start, all on pages.
    unsafe memory.bytes.baseAddress.unsafelyUnwrapped.advanced(by: start)
  }

  /// What the coder of codec 10 works in.
  var work: UnsafeMutableRawPointer { unsafe part(0) }
  /// Room for as many values as a block has elements.
  var list: UnsafeMutableRawPointer { unsafe part(Int(WEIR_LOSSLESS_WORK_BYTES)) }
  /// The same, for the base's elements.
  var baseList: UnsafeMutableRawPointer { unsafe list.advanced(by: Self.listBytes) }
  /// Room for a payload of codec 10.
  var payload: UnsafeMutablePointer<UInt8> {
    unsafe baseList.advanced(by: Self.listBytes).assumingMemoryBound(to: UInt8.self)
  }
  /// Room for a mask.
  var mask: UnsafeMutablePointer<UInt64> {
    unsafe UnsafeMutableRawPointer(payload).advanced(by: Self.payloadBytes).assumingMemoryBound(to: UInt64.self)
  }
  /// Room for another mask.
  var otherMask: UnsafeMutablePointer<UInt64> { unsafe mask.advanced(by: Self.maskBytes / 8) }
  /// Zeros for all elements of a block where there is no base; nobody writes to them.
  var zeros: UnsafeRawPointer { unsafe UnsafeRawPointer(otherMask.advanced(by: Self.maskBytes / 8)) }
}

/// What results of the coders in C mean.
enum CoderResult {
  /// Throws what a decoder's result means for a block of `byteCount` bytes.
  static func check(_ result: Int32, _ byteCount: Int) throws(CheckpointError) {
    guard result != WEIR_CODEC_OK.rawValue else { return }
    let found: String
    let expected: String
    switch result {
    case WEIR_CODEC_SHORT.rawValue:
      (found, expected) = ("block ends after \(byteCount) bytes", "one for all its elements")
    case WEIR_CODEC_TRAILING.rawValue: (found, expected) = ("block of \(byteCount) bytes has some left over", "none")
    case WEIR_CODEC_FLAGS.rawValue: (found, expected) = ("block of an unknown kind", "one of its codec's")
    case WEIR_CODEC_STATE.rawValue: (found, expected) = ("entropy coder ends in a state", "the one that it began with")
    case WEIR_CODEC_SCALE.rawValue:
      (found, expected) = ("block has a scale that is no magnitude", "finite ones from 0 up")
    default: (found, expected) = ("block has a number out of its range", "those that its codec writes")
    }
    throw CheckpointError(.malformed(found: found, expected: expected))
  }
}
