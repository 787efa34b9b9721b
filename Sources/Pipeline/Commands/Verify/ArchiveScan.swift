internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// An archive that is read whole: every block is held against its checksum and decoded, and what it gives is looked through for what is
/// no finite number.
struct ArchiveScan: Sendable {
  let archive: Archive
  private let base: OpenArchive?
  private let threads: Int
  /// Blocks that follow each other, looked at in one step.
  private let pieces: [Range<Int>]
  /// The tensor that each block is of; `nil` for headers and side files.
  private let tensors: [Int?]

  private static let pieceBytes = 4 << 20

  /// - Parameter base: what the archive was made from, if that is to be read as well.
  /// - Throws: ``CheckpointError`` where the archive cannot be of this base, by what headers say.
  init(_ archive: Archive, base: Checkpoint?, threads: Int) throws(CheckpointError) {
    self.archive = archive
    self.threads = threads
    self.base = try base.map { (base) throws(CheckpointError) in try OpenArchive(archive, base: 0, base) }
    var pieces: [Range<Int>] = []
    var first = 0
    for block in 0..<archive.blocks.count where archive.blocks[first..<block + 1].count >= Self.pieceBytes {
      pieces.append(first..<block + 1)
      first = block + 1
    }
    if first < archive.blocks.count { pieces.append(first..<archive.blocks.count) }
    self.pieces = pieces
    var tensors = [Int?](repeating: nil, count: archive.blocks.count)
    for (number, tensor) in archive.tensors.enumerated() {
      for block in tensor.blocks { tensors[block] = number }
      if let shared = tensor.sharedBlock { tensors[shared] = number }
    }
    self.tensors = tensors
  }

  /// Bytes that are read.
  var bytesToRead: Int {
    let own = archive.blocks[0..<archive.blocks.count].count
    return own
      + archive.tensors.indices.reduce(0) { sum, number in
        guard let bytes = location(of: number)?.bytes.count else { return sum }
        return sum + (archive.tensors[number].readsBase ? 2 * bytes : bytes)
      }
  }

  /// Where a tensor's base is, where it has one that was given.
  private func location(of number: Int) -> (file: InputFile, bytes: Range<Int>)? {
    guard let base, let checkpoint = base.baseCheckpoint, archive.tensors[number].base != nil,
      let place = checkpoint.catalogue.position(of: archive.tensors[number].info.name)
    else { return nil }
    let location = checkpoint.locations[place]
    return (checkpoint.files[location.file], location.bytes)
  }

  // MARK: - Running

  private struct Findings: Sendable {
    var failures: [Verification.Failure] = []
    var numbers: [Int: NonFiniteScan.Finding] = [:]
  }

  /// What one thread decodes with.
  private final class Bench {
    let decoder: BlockDecoder
    let scan = NonFiniteScan()
    var payloads = WindowReader(reach: 0)
    var bases = WindowReader(reach: 0)
    /// The tensor whose shared block has been decoded.
    var shared: Int?

    init() throws(CheckpointError) { decoder = try BlockDecoder() }
  }

  func run(_ progress: Progress, _ report: () -> Void) throws(PipelineError) -> Verification {
    let foreign = try foreignBases(progress, report)
    // What is of another base decodes to nothing that says anything.
    let isDecoded = archive.tensors.indices.map { number in
      let tensor = archive.tensors[number]
      return !tensor.readsBase || tensor.base == nil || location(of: number) != nil && foreign[number] == nil
    }
    let pieces = pieces
    let found = try PieceCrew.run(
      count: pieces.count, threads: threads, into: Findings(), progress: progress, report: report,
      absorb: { (total, _, found: Findings) in
        total.failures += found.failures
        total.numbers.merge(found.numbers) { earlier, later in
          var sum = earlier
          sum.add(later)
          return sum
        }
      },
      makeWork: {
        let bench = Result { () throws(CheckpointError) in try Bench() }
        return { (reader, piece) throws(PipelineError) in
          let bench = try Plan.run { () throws(CheckpointError) in try bench.get() }
          return try look(pieces[piece], &reader, bench, isDecoded, progress)
        }
      })
    try Plan.run { () throws(CheckpointError) in
      try archive.file.checkIntact()
      try base?.baseCheckpoint?.checkIntact()
    }
    var failures = archive.tensors.indices.compactMap { foreign[$0] } + found.failures
    for (number, tensor) in archive.tensors.enumerated() {
      guard let words = found.numbers[number].flatMap({ VerifyRequest.words($0, tensor.info) }) else { continue }
      failures.append(
        Verification.Failure(
          tensor: tensor.info.name, message: "tensor \(MessageText.quoted(tensor.info.name)): \(words)"))
    }
    return Verification(
      path: archive.path, isArchive: true, tensorCount: archive.tensors.count, byteCount: archive.file.byteCount,
      fileCount: 1, blockCount: archive.blocks.count, undecodedCount: isDecoded.count { !$0 },
      fingerprint: archive.resultFingerprint, failures: failures, notes: [])
  }

  // MARK: - Blocks

  private func look(
    _ blocks: Range<Int>, _ reader: inout WindowReader, _ bench: Bench, _ isDecoded: [Bool], _ progress: Progress
  ) throws(PipelineError) -> Findings {
    var findings = Findings()
    try Plan.run { () throws(CheckpointError) in
      let range = archive.blocks[blocks]
      let bytes = try unsafe reader.open(archive.file, range, slot: 0)
      progress.addRead(bytes.count)
      for block in blocks {
        let place = archive.blocks[block]
        // SAFETY: the block is one of those that the window holds.
        let part = unsafe UnsafeRawBufferPointer(
          rebasing: bytes[place.lowerBound - range.lowerBound..<place.upperBound - range.lowerBound])
        do throws(CheckpointError) {
          try unsafe archive.check(part, block: block)
          guard let number = tensors[block], isDecoded[number] else { continue }
          let found = try unsafe numbers(part, block, number, bench, progress)
          if !found.isEmpty { findings.numbers[number, default: NonFiniteScan.Finding()].add(found) }
        } catch {
          findings.failures.append(Verification.Failure(tensor: error.tensor, message: error.description))
        }
      }
    }
    return findings
  }

  /// Decodes a block, and looks through what it gives.
  private func numbers(
    _ payload: UnsafeRawBufferPointer, _ block: Int, _ number: Int, _ bench: Bench, _ progress: Progress
  ) throws(CheckpointError) -> NonFiniteScan.Finding {
    let tensor = archive.tensors[number]
    do throws(CheckpointError) {
      if block == tensor.sharedBlock {
        bench.shared = nil
        try unsafe bench.decoder.decodeShared(payload, of: tensor)
        bench.shared = number
        return NonFiniteScan.Finding()
      }
      // A shared block that is not sound is a failure of its own.
      guard let place = tensor.place(ofBlock: block - tensor.blocks.lowerBound), isReady(tensor, number, bench) else {
        return NonFiniteScan.Finding()
      }
      let base = try unsafe baseBytes(tensor, place, number, bench, progress)
      try unsafe bench.decoder.decode(payload, of: tensor, place, base: base)
      // Signs and scales are finite, or the block has been refused.
      if tensor.form == .planes { return NonFiniteScan.Finding() }
      let dtype = tensor.form == .elements ? tensor.info.dtype : .f32
      // SAFETY: the decoder holds the block's elements until it decodes another.
      return unsafe bench.scan.scan(
        UnsafeRawPointer(bench.decoder.elements), dtype, first: place.first, count: place.count)
    } catch {
      throw archive.naming(error, block: block)
    }
  }

  /// The base's bytes of a block, for codecs that decode against them.
  private func baseBytes(
    _ tensor: ArchiveTensor, _ place: BlockPlace, _ number: Int, _ bench: Bench, _ progress: Progress
  ) throws(CheckpointError) -> UnsafeRawBufferPointer? {
    guard tensor.readsBase, let location = location(of: number) else { return nil }
    progress.addRead(place.bytes.count)
    return try unsafe bench.bases.open(
      location.file, tensor: location.bytes, part: place.bytes, slot: 0, padding: bench.decoder.padding)
  }

  /// Whether what all blocks of a tensor share has been decoded, now or for an earlier one.
  private func isReady(_ tensor: ArchiveTensor, _ number: Int, _ bench: Bench) -> Bool {
    guard let shared = tensor.sharedBlock, bench.shared != number else { return true }
    do throws(CheckpointError) {
      // SAFETY: the window stays until the next is opened.
      let payload = try unsafe bench.payloads.open(archive.file, archive.blocks[shared], slot: 0)
      try unsafe archive.check(payload, block: shared)
      bench.shared = nil
      try unsafe bench.decoder.decodeShared(payload, of: tensor)
      bench.shared = number
      return true
    } catch {
      return false
    }
  }

  // MARK: - Bases

  /// Hashes the tensors of the base; gives back what is wrong with those that are not what the archive was made from.
  private func foreignBases(
    _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> [Int: Verification.Failure] {
    let size = TensorHasher.pieceByteCount
    let locations = archive.tensors.indices.map(location)
    let pieces = locations.enumerated().flatMap { number, location in
      stride(from: 0, to: location?.bytes.count ?? 0, by: size).map { (number: number, start: $0) }
    }
    guard base != nil else { return [:] }
    let hashes = try PieceCrew.run(
      count: pieces.count, threads: threads, into: [[Hash128]](repeating: [], count: locations.count),
      progress: progress, report: report,
      absorb: { (total, piece, hash: Hash128?) in
        if let hash { total[pieces[piece].number].append(hash) }
      },
      makeWork: {
        { (reader, piece) throws(PipelineError) in
          try Plan.run { () throws(CheckpointError) in
            guard let location = locations[pieces[piece].number] else { return nil }
            let start = location.bytes.lowerBound + pieces[piece].start
            // SAFETY: the window stays until the next is opened.
            let bytes = try unsafe reader.open(
              location.file, start..<min(start + size, location.bytes.upperBound), slot: 0)
            progress.addRead(bytes.count)
            return unsafe Hash128(bytes)
          }
        }
      })
    var failures: [Int: Verification.Failure] = [:]
    for (number, tensor) in archive.tensors.enumerated() where locations[number] != nil {
      guard let expected = tensor.baseHash, Hash128(of: hashes[number]) != expected else { continue }
      failures[number] = Verification.Failure(
        tensor: tensor.info.name,
        message: "tensor \(MessageText.quoted(tensor.info.name)): the base's differs from that which the archive was "
          + "made from, expected hash \(expected)")
    }
    return failures
  }
}
