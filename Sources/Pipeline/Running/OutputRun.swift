internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The making of one output.
final class OutputRun {
  private let plan: Plan
  private let output: Plan.Output
  private let progress: Progress
  private let folder: OutputFolder?
  private let check: RestoreCheck?
  private var digest: Digest?
  private var archiveBytes: Int?
  private(set) var notes: [String] = []

  /// Takes the output's place; nothing is written under its final name before ``commit()``.
  init(_ plan: Plan, _ output: Plan.Output, _ progress: Progress) throws(PipelineError) {
    self.plan = plan
    self.output = output
    self.progress = progress
    let inputs =
      plan.graph.sources.flatMap { source in [source.spec.path] + source.files.map(\.path) }
      + plan.graph.coefficients.values.flatMap { [$0.path] + $0.paths }
    switch output.spec.destination {
    case .digest: folder = nil
    case .folder(let path), .file(let path), .archive(let path):
      var isFile = true
      if case .folder = output.spec.destination { isFile = false }
      folder = try Plan.run(.request) { () throws(CheckpointError) in
        try OutputFolder(finalPath: path, isFile: isFile, overwrite: plan.options.overwrite, inputs: inputs)
      }
    }
    check = RestoreCheck(plan, output)
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
  }

  private func make(_ report: () -> Void) throws(PipelineError) {
    if let folder, let archive = output.archive {
      var run = ArchiveRun(plan, output, archive, folder, progress, check)
      archiveBytes = try run.write(report: report)
      return
    }
    let known = try ModelSweeps(plan, output, progress).run(report: report)
    let tensors = output.tensors.map(\.info)
    if let folder {
      let map = BlockMap(output.layout, blockBytes: plan.sizes.block)
      var writers: [OutputFileWriter] = []
      for file in output.layout.files {
        writers.append(try Plan.run { () throws(CheckpointError) in try folder.makeWriter(for: file) })
      }
      let sink = FileSink(writers: writers)
      try run(known, tensors, map, sink, report)
      for writer in writers { try Plan.run { () throws(CheckpointError) in try writer.finish() } }
      try addSideFiles(to: folder)
    } else {
      let map = BlockMap(hashing: tensors, blockBytes: plan.sizes.block)
      let sink = DigestSink(map, tensors)
      try run(known, tensors, map, sink, report)
      digest = sink.finish()
    }
  }

  func commit() throws(PipelineError) {
    if let folder { try Plan.run { () throws(CheckpointError) in try folder.commit() } }
  }

  /// The recorded fingerprint of a result that was restored whole; the run ends where a hash differs.
  private var fingerprint: Hash128? {
    guard output.isRestored, check?.note == nil, case .source(let source) = output.value else { return nil }
    return plan.graph.sources[source].archive?.archive.resultFingerprint
  }

  func discard() { folder?.discard() }

  var report: RunReport.Output {
    RunReport.Output(
      path: folder?.finalPath, tensorCount: output.tensors.count,
      byteCount: archiveBytes ?? output.layout.fileByteCount,
      fileCount: archiveBytes == nil ? output.layout.files.count : 1, digest: digest, fingerprint: fingerprint)
  }

  /// Computes all blocks: of copies, and of evaluations with the model's statistics given.
  private func run(
    _ known: ModelStatistics, _ tensors: [TensorInfo], _ map: BlockMap, _ sink: any BlockSink, _ report: () -> Void
  ) throws(PipelineError) {
    let plan = plan
    let output = output
    let task = Crew.Task(
      jobCount: tensors.count,
      prepare: { (number) throws(PipelineError) in
        plan.job(output.value, output.names[number], output.tensors[number].info, known)
      }, work: TensorBlocks(map, tensors, sink, check: check))
    try Crew(plan, task, progress: progress).run(report: report)
  }

  /// The index, config, tokenizer, model card and pipeline of a model folder.
  private func addSideFiles(to folder: OutputFolder) throws(PipelineError) {
    guard case .folder = output.spec.destination else { return }
    if output.isRestored, case .source(let source) = output.value {
      guard let archive = plan.graph.sources[source].archive else { return }
      try Plan.run { () throws(CheckpointError) in
        try archive.archive.restoreSideFiles(into: folder, base: archive.baseCheckpoint)
      }
      return
    }
    notes += try Plan.run { () throws(CheckpointError) in
      try ModelSideFiles(plan, output).add(to: folder, index: output.layout.indexJSON)
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
