/// Hashes bytes of a tensor that one thread writes from the first to the last, step by step: each step while the caches still have it.
///
/// The hasher gets what it would get from ``TensorHasher/add(_:of:at:)`` of all of them. A part of a piece whose beginning another
/// thread is still writing is left to the end of the run.
@safe public final class HashRun {
  private var hasher: TensorHasher?
  private var tensor = 0
  /// The bytes of the run, counted from the tensor's first.
  private var range = 0..<0
  /// Where the run's bytes lie.
  private var bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
  /// The tensor's bytes before this one are taken in.
  private var done = 0
  /// The part of a piece that `done` lies in, and how it is hashed.
  private var open: (part: TensorHasher.Part, way: TensorHasher.Way)?
  /// Hashes pieces that lie in the run as a whole.
  private let own = HashStream()
  /// Parts that came before their turn.
  private var late: [TensorHasher.Part] = []
  private var finished: [TensorHasher.Piece] = []

  /// A run of no bytes.
  public init() {}

  /// Begins a run; one that was not ended is forgotten.
  ///
  /// - Parameters:
  ///   - bytes: where the bytes will be written; they stay there until ``end()``.
  ///   - tensor: the place of the tensor's size in what the hasher was given at the start.
  ///   - offset: the bytes' place in the tensor.
  public func begin(_ hasher: TensorHasher, _ bytes: UnsafeRawBufferPointer, of tensor: Int, at offset: Int) {
    self.hasher = hasher
    self.tensor = tensor
    range = offset..<offset + bytes.count
    unsafe self.bytes = bytes
    done = offset
    open = nil
    late = []
    finished = []
  }

  /// Takes in what has been written: the tensor's bytes before `end`, as far as they are the run's.
  public func advance(to end: Int) {
    guard let hasher else { return }
    let end = min(end, range.upperBound)
    while done < end {
      let (part, way) = open ?? hasher.begin(tensor, done..<range.upperBound, own)
      let stop = min(end, part.range.upperBound)
      switch way {
      case .stream(let stream): unsafe stream.add(slice(done..<stop))
      case .whole: unsafe own.add(slice(done..<stop))
      case .late, .known: break
      }
      done = stop
      open = (part, way)
      guard done == part.range.upperBound else { continue }
      open = nil
      if case .late = way { late.append(part) } else { finish(part, way) }
    }
  }

  /// Takes in what is left; the pieces that the run's bytes were the last of.
  public func end() -> [TensorHasher.Piece] {
    advance(to: range.upperBound)
    for part in late { finish(part, .late) }
    hasher = nil
    return finished
  }

  private func finish(_ part: TensorHasher.Part, _ way: TensorHasher.Way) {
    guard let piece = unsafe hasher?.end(tensor, part, way, slice(part.range)) else { return }
    finished.append(piece)
  }

  private func slice(_ part: Range<Int>) -> UnsafeRawBufferPointer {
    // SAFETY: both ends lie between the run's.
    unsafe UnsafeRawBufferPointer(
      rebasing: bytes[part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound])
  }
}
