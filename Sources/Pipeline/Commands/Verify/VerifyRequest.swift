internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A checkpoint or an archive that is to be read whole; what headers and indexes say has been checked by opening it.
public struct VerifyRequest: Sendable {
  private enum Subject: Sendable {
    case checkpoint(Checkpoint)
    case archive(Archive)
  }

  private let subject: Subject
  private let threads: Int
  private let pieces: [Piece]

  /// What is looked at in one step.
  private struct Piece: Sendable {
    /// The tensor of a checkpoint; -1 in an archive.
    let tensor: Int
    /// Elements of the tensor, or blocks of the archive.
    let range: Range<Int>
  }

  private static let pieceLength = 1 << 19
  private static let pieceBytes = 4 << 20

  /// Opens what stands at a path.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where there is nothing to open, `run` where it is not sound.
  public init(_ path: String, options: RunOptions = RunOptions()) throws(PipelineError) {
    threads = options.threads
    do throws(CheckpointError) {
      if Archive.isArchive(path, maximumHeaderBytes: options.maximumHeaderBytes) {
        let archive = try Archive.open(
          path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        subject = .archive(archive)
        pieces = Self.pieces(of: archive)
      } else {
        let checkpoint = try Checkpoint.open(
          path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        subject = .checkpoint(checkpoint)
        pieces = Self.pieces(of: checkpoint)
      }
    } catch {
      throw PipelineError(Self.isNothing(error.kind) ? .request : .run, error.description)
    }
  }

  /// Whether there is nothing that could be sound or not.
  private static func isNothing(_ kind: CheckpointError.Kind) -> Bool {
    switch kind {
    case .notFound, .notARegularFile, .cannotOpen, .noCheckpoint, .ambiguousFolder, .unsupportedFormat: true
    default: false
    }
  }

  private static func pieces(of checkpoint: Checkpoint) -> [Piece] {
    checkpoint.catalogue.tensors.enumerated().flatMap { place, tensor -> [Piece] in
      guard tensor.dtype.isMergeable else { return [] }
      return stride(from: 0, to: tensor.elementCount, by: pieceLength).map { start in
        Piece(tensor: place, range: start..<min(start + pieceLength, tensor.elementCount))
      }
    }
  }

  /// Blocks that follow each other, about as many bytes at a time.
  private static func pieces(of archive: Archive) -> [Piece] {
    var pieces: [Piece] = []
    var first = 0
    for block in 0..<archive.blocks.count where archive.blocks[first..<block + 1].count >= pieceBytes {
      pieces.append(Piece(tensor: -1, range: first..<block + 1))
      first = block + 1
    }
    if first < archive.blocks.count { pieces.append(Piece(tensor: -1, range: first..<archive.blocks.count)) }
    return pieces
  }

  /// Bytes that verifying reads.
  public var bytesToRead: Int {
    switch subject {
    case .checkpoint(let checkpoint):
      checkpoint.catalogue.tensors.reduce(0) { $1.dtype.isMergeable ? $0 + $1.byteCount : $0 }
    case .archive(let archive): archive.blocks[0..<archive.blocks.count].count
    }
  }

  /// Reads everything.
  ///
  /// - Parameters:
  ///   - progress: counts what is read.
  ///   - report: called a few times a second on the caller's thread.
  /// - Throws: ``PipelineError`` of kind `run` where a file cannot be read, `interrupted`.
  public func run(progress: Progress, report: () -> Void = {}) throws(PipelineError) -> Verification {
    switch subject {
    case .checkpoint(let checkpoint): try run(checkpoint, progress, report)
    case .archive(let archive): try run(archive, progress, report)
    }
  }

  // MARK: Checkpoints

  private func run(
    _ checkpoint: Checkpoint, _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> Verification {
    let pieces = pieces
    let findings = try PieceCrew.run(
      count: pieces.count, threads: threads,
      into: Array(repeating: NonFiniteScan.Finding(), count: checkpoint.catalogue.tensors.count),
      progress: progress, report: report,
      absorb: { (total, piece, found: NonFiniteScan.Finding) in total[pieces[piece].tensor].add(found) },
      makeWork: {
        let scan = NonFiniteScan()
        return { (reader, number) throws(PipelineError) in
          try Self.scan(checkpoint, pieces[number], &reader, scan, progress)
        }
      })
    try Plan.run { () throws(CheckpointError) in try checkpoint.checkIntact() }
    let failures = zip(checkpoint.catalogue.tensors, findings).compactMap { tensor, finding in
      finding.first.map { first in
        let found = [(finding.nans, "NaN"), (finding.infinities, "infinity")].filter { $0.0 > 0 }
          .map { $0.0 == 1 ? "1 \($0.1)" : "\($0.0) \($0.1 == "NaN" ? "NaNs" : "infinities")" }
        return Verification.Failure(
          tensor: tensor.name,
          message: "tensor \(MessageText.quoted(tensor.name)): \(found.joined(separator: " and ")) in "
            + "\(tensor.elementCount) elements, the first at element \(first), expected finite numbers")
      }
    }
    return Verification(
      path: checkpoint.path, isArchive: false, tensorCount: checkpoint.catalogue.tensors.count,
      byteCount: checkpoint.catalogue.byteCount, fileCount: checkpoint.files.count, blockCount: 0, failures: failures,
      notes: checkpoint.notes)
  }

  private static func scan(
    _ checkpoint: Checkpoint, _ piece: Piece, _ reader: inout WindowReader, _ scan: NonFiniteScan,
    _ progress: Progress
  ) throws(PipelineError) -> NonFiniteScan.Finding {
    let tensor = checkpoint.catalogue.tensors[piece.tensor]
    let location = checkpoint.locations[piece.tensor]
    return try Plan.run { () throws(CheckpointError) in
      let bytes = try unsafe reader.open(
        checkpoint.files[location.file], location.bytes(of: piece.range, size: tensor.dtype.byteCount), slot: 0)
      progress.addRead(bytes.count)
      // SAFETY: the window holds the piece's elements, and stays until the next piece.
      guard let start = bytes.baseAddress else { return NonFiniteScan.Finding() }
      return unsafe scan.scan(start, tensor.dtype, first: piece.range.lowerBound, count: piece.range.count)
    }
  }

  // MARK: Archives

  private func run(
    _ archive: Archive, _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> Verification {
    let pieces = pieces
    let failures = try PieceCrew.run(
      count: pieces.count, threads: threads, into: [Verification.Failure](), progress: progress, report: report,
      absorb: { (total, _, found: [Verification.Failure]) in total += found },
      makeWork: {
        { (reader, number) throws(PipelineError) in
          try Self.check(archive, pieces[number].range, &reader, progress)
        }
      })
    try Plan.run { () throws(CheckpointError) in try archive.file.checkIntact() }
    return Verification(
      path: archive.path, isArchive: true, tensorCount: archive.tensors.count, byteCount: archive.file.byteCount,
      fileCount: 1, blockCount: archive.blocks.count, failures: failures, notes: [])
  }

  /// What is wrong with some blocks of an archive.
  private static func check(
    _ archive: Archive, _ blocks: Range<Int>, _ reader: inout WindowReader, _ progress: Progress
  ) throws(PipelineError) -> [Verification.Failure] {
    try Plan.run { () throws(CheckpointError) in
      let range = archive.blocks[blocks]
      let bytes = try unsafe reader.open(archive.file, range, slot: 0)
      progress.addRead(bytes.count)
      var failures: [Verification.Failure] = []
      for block in blocks {
        let place = archive.blocks[block]
        // SAFETY: the block is one of those that the window holds.
        let part = unsafe UnsafeRawBufferPointer(
          rebasing: bytes[place.lowerBound - range.lowerBound..<place.upperBound - range.lowerBound])
        do throws(CheckpointError) {
          try unsafe archive.check(part, block: block)
        } catch {
          failures.append(Verification.Failure(tensor: error.tensor, message: error.description))
        }
      }
      return failures
    }
  }
}
