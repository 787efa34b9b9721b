internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The making of one output.
final class OutputRun {
  private let plan: Plan
  private let output: Plan.Output
  private let progress: Progress
  private let folder: OutputFolder?
  private let journal: OutputJournal?
  private let check: RestoreCheck?
  private let counts: NumberCounts
  private var sha256: [String] = []
  private var digest: Digest?
  private var archiveBytes: Int?
  /// Bytes that an earlier run had written.
  private var keptBytes = 0
  private(set) var notes: [String] = []

  /// Takes the place of an output of a plan; nothing is written under its final name before ``commit()``.
  ///
  /// What an earlier run into it left is kept where that run was this one.
  init(_ plan: Plan, output number: Int, _ progress: Progress) throws(PipelineError) {
    let output = plan.outputs[number]
    self.plan = plan
    self.output = output
    self.progress = progress
    let inputs =
      plan.graph.sources.flatMap { source in [source.spec.path] + source.files.map(\.path) }
      + plan.graph.coefficients.values.flatMap { [$0.path] + $0.paths }
    folder = try output.finalPath.map { (path) throws(PipelineError) in
      try Plan.run(.request) { () throws(CheckpointError) in
        try OutputFolder(
          finalPath: path, isFile: output.isFile, overwrite: plan.options.overwrite, inputs: inputs, keepsPartial: true)
      }
    }
    do throws(PipelineError) {
      journal = try folder.map { (folder) throws(PipelineError) in
        let identity = try RunIdentity(plan, output: number)
        return try OutputJournal(folder, identity, isFresh: plan.options.fresh, progress)
      }
    } catch {
      folder?.suspend()
      throw error
    }
    check = RestoreCheck(plan, output)
    counts = NumberCounts(plan, output)
  }

  /// Computes and writes all tensors.
  func write(report: () -> Void) throws(PipelineError) {
    do throws(PipelineError) {
      try make(report)
    } catch {
      // A block that cannot be decoded is the archive's fault only if its base is the right one. Of several tensors that
      // differ, the first is named, whichever worker was the first to find one.
      throw progress.hasUndecodable ? check?.explanation() ?? error : check?.failure ?? error
    }
    if let failure = check?.failure { throw failure }
    if let note = check?.note { notes.append(note) }
    if let note = counts.note { notes.append(note) }
  }

  private func make(_ report: () -> Void) throws(PipelineError) {
    guard let folder, let journal else {
      let map = BlockMap(hashing: infos, blockBytes: plan.sizes.block)
      let hasher = TensorHasher(byteCounts: infos.map(\.byteCount))
      try run(map, TensorBlocks(map, infos, hasher, nil, counts, check: check), report)
      digest = Digest(infos, hasher)
      return
    }
    if let archive = output.archive {
      try Plan.run { () throws(CheckpointError) in try folder.keepOnly([folder.finalName]) }
      var run = ArchiveRun(plan, output, archive, folder, journal, progress, check, counts)
      archiveBytes = try run.write(report: report)
      keptBytes = run.keptBytes
      try hashFiles([folder.finalName], in: folder, report)
      return
    }
    try make(in: folder, journal, report)
  }

  /// Makes a checkpoint's files, but for what stands there already.
  private func make(
    in folder: OutputFolder, _ journal: OutputJournal, _ report: () -> Void
  ) throws(PipelineError) {
    let whole = BlockMap(output.layout, blockBytes: plan.sizes.block)
    let hasher = TensorHasher(byteCounts: infos.map(\.byteCount))
    let map = try Replay(plan, output, folder, progress)
      .run(journal.pieces, whole, hasher, check, counts, report: report)
    keptBytes = whole.byteCount - map.byteCount
    let files = output.layout.files
    let writers = try Plan.run { () throws(CheckpointError) in
      try folder.keepOnly(Set(files.map(\.name)))
      return try files.map { (file) throws(CheckpointError) in try folder.makeWriter(for: file, continues: true) }
    }
    let sink = FileSink(writers: writers)
    try run(map, TensorBlocks(map, infos, hasher, sink, counts, journal: journal, check: check), report)
    let hashes = infos.indices.compactMap { hasher.hash(of: $0) }
    try Plan.run { () throws(CheckpointError) in
      if isSealed { try folder.seal(writers[0], as: output.layout.sealed(hashes).files[0]) }
      for writer in writers { try writer.finish() }
    }
    try hashFiles(files.map(\.name), in: folder, report)
    try addSideFiles(to: folder, hashes)
  }

  /// Takes the SHA-256 of whole files, where that is asked for.
  private func hashFiles(_ names: [String], in folder: OutputFolder, _ report: () -> Void) throws(PipelineError) {
    guard plan.options.hashesFiles else { return }
    sha256 = try FileDigest.ofAll(
      names.map(folder.path(of:)), threads: plan.options.threads, progress, report)
  }

  private var infos: [TensorInfo] { output.tensors.map(\.info) }

  /// Whether the output is a single file that carries its hashes.
  private var isSealed: Bool {
    if case .file = output.spec.destination { !output.isRestored } else { false }
  }

  /// What tells the finished output from any other.
  func seal() throws(PipelineError) -> Hash128 {
    guard let folder else { return Hash128(of: []) }
    let names = output.archive == nil ? output.layout.files.map(\.name) : [folder.finalName]
    return try Plan.run { () throws(CheckpointError) in try folder.seal(of: names) }
  }

  /// Notes that outputs are about to get their final names.
  func notePublishing(_ seals: [Hash128]) throws(PipelineError) { try journal?.note(.publishing(seals)) }

  func commit() throws(PipelineError) {
    if let folder { try Plan.run { () throws(CheckpointError) in try folder.commit() } }
  }

  /// The recorded fingerprint of a result that was restored whole; the run ends where a hash differs.
  private var fingerprint: Hash128? {
    guard output.isRestored, check?.note == nil, case .source(let source) = output.value else { return nil }
    return plan.graph.sources[source].archive?.archive.resultFingerprint
  }

  /// Ends the run before its end: what is finished is kept for the next one, if anything is.
  ///
  /// An input that was written to meanwhile may have been read with bytes that the next run does not find: then nothing is kept.
  func end() {
    guard let folder else { return }
    if !plan.graph.sources.allSatisfy({ (try? $0.checkIntact()) != nil }) { progress.forgetKept(folder.stagingPath) }
    if progress.keptPlaces.contains(folder.stagingPath) { folder.suspend() } else { folder.discard() }
  }

  var report: RunReport.Output {
    let names = archiveBytes == nil ? output.layout.files.map(\.name) : [folder?.finalName ?? ""]
    return RunReport.Output(
      path: folder?.finalPath, tensorCount: output.tensors.count,
      byteCount: archiveBytes ?? output.layout.fileByteCount,
      fileCount: archiveBytes == nil ? output.layout.files.count : 1, digest: digest, fingerprint: fingerprint,
      keptByteCount: keptBytes, sha256: zip(names, sha256).map { ($0, $1) },
      nonFinite: counts.found.map { ($0.name, $0.count.nans, $0.count.infinities) })
  }

  /// Computes blocks: of copies, and of evaluations with the model's statistics given.
  private func run(_ map: BlockMap, _ work: TensorBlocks, _ report: () -> Void) throws(PipelineError) {
    guard !map.blocks.isEmpty else { return }
    let known = try statistics(report)
    let plan = plan
    let output = output
    let task = Crew.Task(
      jobCount: output.tensors.count,
      prepare: { (number) throws(PipelineError) in
        plan.job(output, tensor: number, known)
      }, work: work)
    try Crew(plan, task, progress: progress).run(report: report)
  }

  /// What is to be known of whole models: gathered by an earlier run, or now.
  private func statistics(_ report: () -> Void) throws(PipelineError) -> ModelStatistics {
    if let known = journal?.statistics.flatMap({ ModelStatistics(bytes: $0) }) { return known }
    let known = try ModelSweeps(plan, output, progress).run(report: report)
    if !known.isEmpty { try journal?.note(.statistics(known.bytes)) }
    return known
  }

  /// The index, config, tokenizer, model card, pipeline and manifest of a model folder.
  private func addSideFiles(to folder: OutputFolder, _ hashes: [Hash128]) throws(PipelineError) {
    guard case .folder = output.spec.destination else { return }
    if output.isRestored, case .source(let source) = output.value {
      guard let archive = plan.graph.sources[source].archive else { return }
      try Plan.run { () throws(CheckpointError) in
        try archive.archive.restoreSideFiles(into: folder, base: archive.baseCheckpoint)
      }
      return
    }
    notes += try Plan.run { () throws(CheckpointError) in
      let tensors = Dictionary(zip(infos.map(\.name), hashes)) { first, _ in first }
      let files = output.layout.files.enumerated().map { number, file in
        Manifest.File(
          name: file.name, byteCount: file.byteCount, sha256: sha256.isEmpty ? nil : sha256[number])
      }
      try folder.addFile(Manifest.fileName, bytes: Manifest(tensors: tensors, files: files).json)
      return try ModelSideFiles(plan, output).add(to: folder, index: output.layout.indexJSON)
    }
  }
}

/// Writes blocks at their places in files.
private struct FileSink: BlockSink {
  let writers: [OutputFileWriter]

  func write(_ buffer: borrowing AlignedBuffer, block: BlockMap.Block, number: Int) throws(CheckpointError) {
    try writers[block.file].write(buffer, count: block.range.count, at: block.range.lowerBound)
  }
}
