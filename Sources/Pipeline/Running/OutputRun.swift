internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The making of one output.
final class OutputRun {
  private let plan: Plan
  private let output: Plan.Output
  private let progress: Progress
  private let folder: OutputFolder?
  private var digest: Digest?
  private(set) var notes: [String] = []

  /// Takes the output's place; nothing is written under its final name before ``commit()``.
  init(_ plan: Plan, _ output: Plan.Output, _ progress: Progress) throws(PipelineError) {
    self.plan = plan
    self.output = output
    self.progress = progress
    let inputs = plan.graph.sources.flatMap { source in [source.spec.path] + source.checkpoint.files.map(\.path) }
    switch output.spec.destination {
    case .digest: folder = nil
    case .folder(let path), .file(let path), .archive(let path):
      var isFile = false
      if case .file = output.spec.destination { isFile = true }
      if case .archive = output.spec.destination { isFile = true }
      folder = try Plan.run(.request) { () throws(CheckpointError) in
        try OutputFolder(finalPath: path, isFile: isFile, overwrite: plan.options.overwrite, inputs: inputs)
      }
    }
  }

  /// Computes and writes all tensors.
  func write(report: () -> Void) throws(PipelineError) {
    let known = try ModelSweeps(plan, output, progress).run(report: report)
    let tensors = output.tensors.map(\.info)
    if let folder {
      let map = BlockMap(output.layout, blockBytes: plan.sizes.block)
      var writers: [OutputFileWriter] = []
      for file in output.layout.files {
        writers.append(try Plan.run { () throws(CheckpointError) in try folder.makeWriter(for: file) })
      }
      let sink = FileSink(writers: writers)
      try Crew(plan, task(known, tensors, map, sink), progress: progress).run(report: report)
      for writer in writers { try Plan.run { () throws(CheckpointError) in try writer.finish() } }
      try addSideFiles(to: folder)
    } else {
      let map = BlockMap(hashing: tensors, blockBytes: plan.sizes.block)
      let sink = DigestSink(map, tensors)
      try Crew(plan, task(known, tensors, map, sink), progress: progress).run(report: report)
      digest = sink.finish()
    }
  }

  func commit() throws(PipelineError) {
    if let folder { try Plan.run { () throws(CheckpointError) in try folder.commit() } }
  }

  func discard() { folder?.discard() }

  var report: RunReport.Output {
    RunReport.Output(
      path: folder?.finalPath, tensorCount: output.tensors.count, byteCount: output.layout.fileByteCount,
      fileCount: output.layout.files.count, digest: digest)
  }

  /// The jobs of the output: a copy, or an evaluation with the model's statistics given.
  private func task(
    _ known: ModelStatistics, _ tensors: [TensorInfo], _ map: BlockMap, _ sink: any BlockSink
  ) -> Crew.Task {
    let plan = plan
    let output = output
    return Crew.Task(
      jobCount: tensors.count,
      prepare: { (number) throws(PipelineError) in
        let tensor = output.tensors[number]
        guard !tensor.isCopy else { return Job(inputs: plan.graph.inputs(tensor.operands), computation: nil) }
        let lowered = plan.graph.lower(output.value, output.names[number])
        guard case .value(let value) = lowered.content else { return Job(inputs: [], computation: nil) }
        let frame = plan.graph.frame(tensor.info.shape, lowered.operands, forcesDouble: plan.forcesDouble)
        return Job(
          inputs: plan.graph.inputs(lowered.operands),
          computation: Computation(applying: value, over: frame, model: known))
      }, map: map, tensors: tensors, sink: sink)
  }

  /// The index, config, tokenizer, model card and pipeline of a model folder.
  private func addSideFiles(to folder: OutputFolder) throws(PipelineError) {
    guard case .folder = output.spec.destination else { return }
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
