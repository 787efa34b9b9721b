internal import WeirIO
internal import WeirTensors

/// Finds out what an earlier run has left that is sound: pieces are read back and hashed, whatever the journal says.
struct Replay {
  private let plan: Plan
  private let output: Plan.Output
  private let folder: OutputFolder
  private let progress: Progress
  /// The file of each tensor.
  private let files: [Int]

  /// Bytes that a thread reads back at a time, in pieces.
  private static let unitBytes = 4 << 20

  init(_ plan: Plan, _ output: Plan.Output, _ folder: OutputFolder, _ progress: Progress) {
    self.plan = plan
    self.output = output
    self.folder = folder
    self.progress = progress
    files = output.layout.files.enumerated().flatMap { number, file in file.tensors.map { _ in number } }
  }

  /// Reads back what the journal names, and gives the hasher the pieces that are sound.
  ///
  /// - Parameters:
  ///   - pieces: those of the journal, in the order of the tensors.
  ///   - map: all blocks of the output.
  ///   - hasher: of the output's tensors, to which nothing has been given yet.
  ///   - check: is shown the parts of tensors that are not computed again.
  ///   - counts: is shown them too.
  /// - Returns: the blocks that are still to be computed.
  func run(
    _ pieces: [TensorHasher.Piece], _ map: BlockMap, _ hasher: TensorHasher, _ check: RestoreCheck?,
    _ counts: NumberCounts, report: () -> Void
  ) throws(PipelineError) -> BlockMap {
    let sound = try verify(pieces, hasher, report)
    guard !sound.isEmpty else { return map }
    var known: [Int: Set<Int>] = [:]
    for piece in sound {
      hasher.take(piece)
      known[piece.tensor, default: []].insert(piece.number)
    }
    var skipped: [BlockMap.Block] = []
    let rest = map.without { block in
      // What is left of a header is not in any piece.
      guard block.lead.isEmpty else { return false }
      let isKnown = block.tensors.allSatisfy { tensor in
        guard let part = map.part(of: tensor, output.tensors[tensor].info, in: block) else { return true }
        let size = TensorHasher.pieceByteCount
        return (part.lowerBound / size...(part.upperBound - 1) / size).allSatisfy {
          known[tensor]?.contains($0) == true
        }
      }
      if isKnown { skipped.append(block) }
      return isKnown
    }
    for block in skipped { progress.addSkipped(block.range.count) }
    if check != nil || !counts.isEmpty { try show(skipped, map, hasher, check, counts, report) }
    return rest
  }

  /// The pieces whose bytes are what the journal says.
  private func verify(
    _ pieces: [TensorHasher.Piece], _ hasher: TensorHasher, _ report: () -> Void
  ) throws(PipelineError) -> [TensorHasher.Piece] {
    let pieces = pieces.filter { hasher.bytes(of: $0) != nil }
    guard !pieces.isEmpty else { return [] }
    let opened = output.layout.files.map { file in
      try? InputFile(path: folder.path(of: file.name), policy: plan.options.readPolicy)
    }
    let units = Self.units(pieces, hasher)
    let (files, offsets) = (files, output.layout.offsets)
    return try PieceCrew.run(
      count: units.count, threads: plan.options.threads, into: [TensorHasher.Piece](), progress: progress,
      report: report, absorb: { (total, _, sound: [TensorHasher.Piece]) in total += sound },
      makeWork: {
        { (reader, number) throws(PipelineError) in
          pieces[units[number]].filter { piece in
            guard let file = opened[files[piece.tensor]], let bytes = hasher.bytes(of: piece) else { return false }
            let start = offsets[piece.tensor] + bytes.lowerBound
            // SAFETY: the window stays until the next piece is opened.
            guard start + bytes.count <= file.byteCount,
              let found = try? unsafe reader.open(file, start..<start + bytes.count, slot: 0)
            else { return false }
            return unsafe Hash128(found) == piece.hash
          }
        }
      })
  }

  /// Runs of pieces to be read by one thread.
  private static func units(_ pieces: [TensorHasher.Piece], _ hasher: TensorHasher) -> [Range<Int>] {
    var units: [Range<Int>] = []
    var (first, byteCount) = (0, 0)
    for (place, piece) in pieces.enumerated() {
      byteCount += hasher.bytes(of: piece)?.count ?? 0
      guard byteCount >= unitBytes || place == pieces.count - 1 else { continue }
      units.append(first..<place + 1)
      (first, byteCount) = (place + 1, 0)
    }
    return units
  }

  /// Shows what is not computed again to those who see all that is: bases may have changed, results are to be compared, and
  /// numbers counted, all the same.
  private func show(
    _ skipped: [BlockMap.Block], _ map: BlockMap, _ hasher: TensorHasher, _ check: RestoreCheck?,
    _ counts: NumberCounts, _ report: () -> Void
  ) throws(PipelineError) {
    let tensors = output.tensors.map(\.info)
    let opened = try Plan.run { () throws(CheckpointError) in
      try output.layout.files.map { (file) throws(CheckpointError) in
        try InputFile(path: folder.path(of: file.name), policy: plan.options.readPolicy)
      }
    }
    _ = try PieceCrew.run(
      count: skipped.count, threads: plan.options.threads, into: 0, progress: progress, report: report,
      absorb: { (_, _, _: Bool) in },
      makeWork: {
        let bench = try? CodingBench()
        return { (reader, number) throws(PipelineError) in
          guard let bench else { throw PipelineError(.run, "no memory to look at what an earlier run has left") }
          let block = skipped[number]
          for tensor in block.tensors {
            guard let part = map.part(of: tensor, tensors[tensor], in: block) else { continue }
            try check?.take(tensor, tensors[tensor], part, bench, result: hasher.hash(of: tensor))
            guard counts.counts(tensor) else { continue }
            let start = map.offsets[tensor] + part.lowerBound
            // SAFETY: the window stays until the next is opened.
            let bytes = try unsafe Plan.run { () throws(CheckpointError) in
              try unsafe reader.open(opened[block.file], start..<start + part.count, slot: 0)
            }
            unsafe counts.take(bytes, of: tensor, at: part.lowerBound, bench.scan)
          }
          return true
        }
      })
  }
}
