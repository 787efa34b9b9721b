internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A checkpoint or an archive that is to be read whole; what headers and indexes say has been checked by opening it.
public struct VerifyRequest: Sendable {
  private enum Subject: Sendable {
    case checkpoint(Checkpoint)
    case archive(ArchiveScan)
  }

  private let subject: Subject
  private let threads: Int
  /// What is looked at of a checkpoint.
  private let pieces: [Piece]
  /// What the checkpoint says of itself, if it does, and why that is not believed.
  private let manifest: Manifest?
  private let manifestFailure: CheckpointError?

  /// What is looked at in one step.
  private struct Piece: Sendable {
    let tensor: Int
    /// Bytes of the tensor.
    let range: Range<Int>
  }

  /// Opens what stands at a path.
  ///
  /// - Parameters:
  ///   - path: a checkpoint or an archive.
  ///   - base: the checkpoint that an archive was made from, for what is coded by its bytes.
  ///   - options: how files are read.
  /// - Throws: ``PipelineError`` of kind `request` where there is nothing to open, `run` where it is not sound.
  public init(_ path: String, base: String? = nil, options: RunOptions = RunOptions()) throws(PipelineError) {
    threads = options.threads
    let isArchive = Archive.isArchive(path, maximumHeaderBytes: options.maximumHeaderBytes)
    guard isArchive || base == nil else {
      throw PipelineError(.request, "\(MessageText.quoted(path)) is no archive, expected one beside --base")
    }
    do throws(CheckpointError) {
      if isArchive {
        let archive = try Archive.open(
          path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        let base = try base.map { (base) throws(CheckpointError) in
          try Checkpoint.open(base, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        }
        subject = .archive(try ArchiveScan(archive, base: base, threads: options.threads))
        pieces = []
        manifest = nil
        manifestFailure = nil
      } else {
        let checkpoint = try Checkpoint.open(
          path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        subject = .checkpoint(checkpoint)
        let found = Result { () throws(CheckpointError) in try Manifest.of(checkpoint) }
        manifest = (try? found.get()) ?? nil
        if case .failure(let error) = found { manifestFailure = error } else { manifestFailure = nil }
        pieces = Self.pieces(of: checkpoint, hasHashes: manifest != nil)
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

  /// What tensors are hashed in; those of no floating-point type are only read to be hashed.
  private static func pieces(of checkpoint: Checkpoint, hasHashes: Bool) -> [Piece] {
    let size = TensorHasher.pieceByteCount
    return checkpoint.catalogue.tensors.enumerated().flatMap { place, tensor -> [Piece] in
      guard hasHashes || tensor.dtype.isMergeable else { return [] }
      return stride(from: 0, to: tensor.byteCount, by: size).map { start in
        Piece(tensor: place, range: start..<min(start + size, tensor.byteCount))
      }
    }
  }

  /// Bytes that verifying reads.
  public var bytesToRead: Int {
    switch subject {
    case .checkpoint(let checkpoint):
      pieces.reduce(0) { $0 + $1.range.count }
        + checkpoint.files.filter { digest(of: $0) != nil }.reduce(0) { $0 + $1.byteCount }
    case .archive(let scan): scan.bytesToRead
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
    case .archive(let scan): try scan.run(progress, report)
    }
  }

  // MARK: - Checkpoints

  /// What has been found out about tensors.
  private struct Findings: Sendable {
    var numbers: [NonFiniteScan.Finding]
    /// The hashes of each tensor's pieces so far.
    var hashes: [[Hash128]]
  }

  private func run(
    _ checkpoint: Checkpoint, _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> Verification {
    let pieces = pieces
    let hashes = manifest != nil
    let count = checkpoint.catalogue.tensors.count
    let findings = try PieceCrew.run(
      count: pieces.count, threads: threads,
      into: Findings(
        numbers: Array(repeating: NonFiniteScan.Finding(), count: count), hashes: Array(repeating: [], count: count)),
      progress: progress, report: report,
      absorb: { (total, piece, found: (numbers: NonFiniteScan.Finding, hash: Hash128?)) in
        total.numbers[pieces[piece].tensor].add(found.numbers)
        if let hash = found.hash { total.hashes[pieces[piece].tensor].append(hash) }
      },
      makeWork: {
        let scan = NonFiniteScan()
        return { (reader, number) throws(PipelineError) in
          try Self.look(checkpoint, pieces[number], &reader, scan, hashes: hashes, progress)
        }
      })
    var failures = manifestFailure.map { [Verification.Failure(tensor: nil, message: $0.description)] } ?? []
    failures += try fileFailures(checkpoint, progress, report)
    try Plan.run { () throws(CheckpointError) in try checkpoint.checkIntact() }
    for (place, tensor) in checkpoint.catalogue.tensors.enumerated() {
      func fail(_ message: String) {
        failures.append(
          Verification.Failure(
            tensor: tensor.name, message: "tensor \(MessageText.quoted(tensor.name)): \(message)"))
      }
      if let manifest {
        let hash = Hash128(of: findings.hashes[place])
        if let expected = manifest.tensors[tensor.name] {
          if hash != expected { fail("hash \(hash) of its bytes, expected \(expected) as when it was written") }
        } else {
          fail("not in the manifest, expected a hash of it")
        }
      }
      if let words = Self.words(findings.numbers[place], tensor) { fail(words) }
    }
    for name in (manifest?.tensors.keys.sorted() ?? []) where checkpoint.catalogue[name] == nil {
      failures.append(
        Verification.Failure(
          tensor: name, message: "tensor \(MessageText.quoted(name)): in the manifest, expected it in a file"))
    }
    return Verification(
      path: checkpoint.path, isArchive: false, tensorCount: count, byteCount: checkpoint.catalogue.byteCount,
      fileCount: checkpoint.files.count, blockCount: 0, undecodedCount: 0, fingerprint: manifest?.fingerprint,
      failures: failures, notes: checkpoint.notes)
  }

  /// What is said of numbers that are not finite, where there are some.
  static func words(_ finding: NonFiniteScan.Finding, _ tensor: TensorInfo) -> String? {
    finding.first.map { first in
      let found = [(finding.nans, "NaN"), (finding.infinities, "infinity")].filter { $0.0 > 0 }
        .map { $0.0 == 1 ? "1 \($0.1)" : "\($0.0) \($0.1 == "NaN" ? "NaNs" : "infinities")" }
      return "\(found.joined(separator: " and ")) in \(tensor.elementCount) elements, the first at element \(first), "
        + "expected finite numbers"
    }
  }

  /// Hashes a piece of a tensor where there is something to compare with, and looks for what is no finite number.
  private static func look(
    _ checkpoint: Checkpoint, _ piece: Piece, _ reader: inout WindowReader, _ scan: NonFiniteScan, hashes: Bool,
    _ progress: Progress
  ) throws(PipelineError) -> (numbers: NonFiniteScan.Finding, hash: Hash128?) {
    let tensor = checkpoint.catalogue.tensors[piece.tensor]
    let location = checkpoint.locations[piece.tensor]
    return try Plan.run { () throws(CheckpointError) in
      let start = location.bytes.lowerBound
      let bytes = try unsafe reader.open(
        checkpoint.files[location.file], start + piece.range.lowerBound..<start + piece.range.upperBound, slot: 0)
      progress.addRead(bytes.count)
      let hash = unsafe hashes ? Hash128(bytes) : nil
      guard tensor.dtype.isMergeable, let start = bytes.baseAddress else { return (NonFiniteScan.Finding(), hash) }
      let size = tensor.dtype.byteCount
      // SAFETY: the window holds the piece's elements, none of which is cut, and stays until the next piece.
      let found = unsafe scan.scan(
        start, tensor.dtype, first: piece.range.lowerBound / size, count: piece.range.count / size)
      return (found, hash)
    }
  }

  /// What the manifest says of a file, where that is its SHA-256.
  private func digest(of file: InputFile) -> Manifest.File? {
    manifest?.files.first { file.path == $0.name || file.path.hasSuffix("/\($0.name)") }.flatMap {
      $0.sha256 == nil ? nil : $0
    }
  }

  /// What is wrong with files as wholes.
  private func fileFailures(
    _ checkpoint: Checkpoint, _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> [Verification.Failure] {
    var failures: [Verification.Failure] = []
    func fail(_ name: String, _ message: String) {
      failures.append(Verification.Failure(tensor: nil, message: "\(MessageText.escaped(name)): \(message)"))
    }
    for expected in manifest?.files ?? [] {
      guard
        let file = checkpoint.files.first(where: { $0.path == expected.name || $0.path.hasSuffix("/\(expected.name)") })
      else {
        fail(expected.name, "in the manifest, expected it in the folder")
        continue
      }
      if file.byteCount != expected.byteCount {
        fail(file.path, "\(file.byteCount) bytes, expected \(expected.byteCount) as when it was written")
      }
    }
    let files = checkpoint.files.filter { digest(of: $0) != nil }
    let found = try FileDigest.ofAll(files.map(\.path), threads: threads, progress, report)
    for (file, hash) in zip(files, found) {
      guard let expected = digest(of: file)?.sha256, hash != expected else { continue }
      fail(file.path, "SHA-256 \(hash), expected \(expected) as when it was written")
    }
    return failures
  }
}
