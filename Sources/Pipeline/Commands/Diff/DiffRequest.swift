public import WeirIO
internal import WeirOps
internal import WeirTensors

/// Two checkpoints to be compared tensor by tensor, open and not yet read.
public struct DiffRequest: Sendable {
  public let a: Checkpoint
  public let b: Checkpoint
  private let threads: Int
  /// The tensors of `a` that `b` has too.
  private let pairs: [Pair]
  private let pieces: [Piece]

  private struct Pair: Sendable {
    let a: TensorInfo
    let b: TensorInfo
    let placeA: TensorLocation
    let placeB: TensorLocation
  }

  /// Elements of a tensor that are compared at once.
  private struct Piece: Sendable {
    let pair: Int
    let elements: Range<Int>
  }

  /// A multiple of the runs that share their sums; two windows of so many elements are what a thread holds.
  private static let pieceLength = 1 << 19

  /// Opens two checkpoints.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with what cannot be opened.
  public init(_ pathA: String, _ pathB: String, options: RunOptions = RunOptions()) throws(PipelineError) {
    var opened: [Checkpoint] = []
    var problems: [Diagnostic] = []
    for path in [pathA, pathB] {
      do throws(PipelineError) {
        opened.append(try Self.open(path, options))
      } catch {
        problems += error.diagnostics
      }
    }
    guard problems.isEmpty, opened.count == 2 else { throw PipelineError(.request, problems) }
    (a, b) = (opened[0], opened[1])
    threads = options.threads
    var pairs: [Pair] = []
    var pieces: [Piece] = []
    for (tensor, place) in zip(a.catalogue.tensors, a.locations) {
      guard let other = b.catalogue.position(of: tensor.name) else { continue }
      pairs.append(
        Pair(a: tensor, b: b.catalogue.tensors[other], placeA: place, placeB: b.locations[other]))
      guard tensor.shape == b.catalogue.tensors[other].shape else { continue }
      for start in stride(from: 0, to: tensor.elementCount, by: Self.pieceLength) {
        let end = min(start + Self.pieceLength, tensor.elementCount)
        pieces.append(Piece(pair: pairs.count - 1, elements: start..<end))
      }
    }
    self.pairs = pairs
    self.pieces = pieces
  }

  private static func open(_ path: String, _ options: RunOptions) throws(PipelineError) -> Checkpoint {
    guard !Archive.isArchive(path, maximumHeaderBytes: options.maximumHeaderBytes) else {
      throw PipelineError(
        .request,
        "\(MessageText.escaped(path)) is an archive, expected a checkpoint; 'weir apply' makes one of it and its base")
    }
    return try Plan.run(.request) { () throws(CheckpointError) in
      try Checkpoint.open(path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
    }
  }

  /// Bytes that comparing reads.
  public var bytesToRead: Int {
    pairs.reduce(0) { $1.a.shape == $1.b.shape ? $0 + $1.a.byteCount + $1.b.byteCount : $0 }
  }

  /// Compares.
  ///
  /// - Memory: two windows of 2^19 elements for each thread.
  /// - Parameters:
  ///   - progress: counts what is read.
  ///   - report: called a few times a second on the caller's thread.
  /// - Throws: ``PipelineError`` of kind `run` where a file cannot be read, `interrupted`.
  public func run(progress: Progress, report: () -> Void = {}) throws(PipelineError) -> CheckpointDiff {
    let request = self
    let differences = try PieceCrew.run(
      count: pieces.count, threads: threads, into: Array(repeating: Difference(), count: pairs.count),
      progress: progress, report: report,
      absorb: { (total, piece, found: Difference) in total[request.pieces[piece].pair].add(found) },
      makeWork: {
        let comparer = Comparer()
        return { (reader, piece) throws(PipelineError) in
          try request.compare(request.pieces[piece], &reader, comparer, progress)
        }
      })
    for checkpoint in [a, b] { try Plan.run { () throws(CheckpointError) in try checkpoint.checkIntact() } }
    let tensors = zip(pairs, differences).map { pair, difference in
      CheckpointDiff.Tensor(a: pair.a, b: pair.b, difference: pair.a.shape == pair.b.shape ? difference : nil)
    }
    return CheckpointDiff(
      a: a, b: b, tensors: tensors,
      onlyInA: a.catalogue.tensors.filter { b.catalogue.position(of: $0.name) == nil },
      onlyInB: b.catalogue.tensors.filter { a.catalogue.position(of: $0.name) == nil })
  }

  private func compare(
    _ piece: Piece, _ reader: inout WindowReader, _ comparer: Comparer, _ progress: Progress
  ) throws(PipelineError) -> Difference {
    let pair = pairs[piece.pair]
    let elements = piece.elements
    return try Plan.run { () throws(CheckpointError) in
      let left = try unsafe reader.open(
        a.files[pair.placeA.file], pair.placeA.bytes(of: elements, size: pair.a.dtype.byteCount), slot: 0)
      let right = try unsafe reader.open(
        b.files[pair.placeB.file], pair.placeB.bytes(of: elements, size: pair.b.dtype.byteCount), slot: 1)
      progress.addRead(left.count + right.count)
      // SAFETY: both windows hold the piece's elements, and stay until the next piece.
      guard let left = left.baseAddress, let right = right.baseAddress else { return Difference() }
      return unsafe comparer.compare(left, pair.a.dtype, right, pair.b.dtype, count: elements.count)
    }
  }
}

extension TensorLocation {
  /// The bytes of some of a tensor's elements.
  func bytes(of elements: Range<Int>, size: Int) -> Range<Int> {
    bytes.lowerBound + elements.lowerBound * size..<bytes.lowerBound + elements.upperBound * size
  }
}
