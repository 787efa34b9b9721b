internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What one thread holds: registers, windows on the inputs, a block.
struct Worker: ~Copyable {
  private let plan: Plan
  private let machine: TileMachine
  private let windows: Windows
  /// Short windows far apart, beside the others.
  private let sampling: Windows
  private let windowBytes: Int
  let block: AlignedBuffer

  init(_ plan: Plan, progress: Progress) throws(CheckpointError) {
    self.plan = plan
    machine = TileMachine(tileLength: plan.options.tileLength)
    windowBytes = plan.sizes.window
    windows = Windows(plan, progress, reach: min(1 << 20, plan.sizes.window))
    sampling = Windows(plan, progress, reach: 0)
    block = try AlignedBuffer(byteCount: plan.sizes.block)
  }

  // MARK: - Sweeps

  /// Sweeps units of a job's present sweep.
  mutating func sweep(_ job: Job, _ sweep: Sweep, _ units: Range<Int>) throws(PipelineError) -> SweepPartial {
    var state = SweepState(sweep, units: units)
    guard sweep.isContiguous else {
      let inputs = reopened(job.inputs)
      for unit in units { try advance(&state, job, sweep, sweep.elements(of: unit), sampling, inputs) }
      sampling.close()
      return state.finish()
    }
    guard let last = units.last else { return state.finish() }
    let elements = sweep.elements(of: units.lowerBound).lowerBound..<sweep.elements(of: last).upperBound
    let step = max(1, windowBytes / job.widestElement)
    for start in stride(from: elements.lowerBound, to: elements.upperBound, by: step) {
      try advance(&state, job, sweep, start..<min(start + step, elements.upperBound), windows, job.inputs)
    }
    return state.finish()
  }

  /// Sweeps the elements of one window.
  private func advance(
    _ state: inout SweepState, _ job: Job, _ sweep: Sweep, _ elements: Range<Int>, _ windows: Windows,
    _ inputs: [Job.Input]
  ) throws(PipelineError) {
    let opened = try unsafe windows.open(inputs, sweep.slots, elements)
    do throws(NonFinite) {
      try unsafe machine.sweep(&state, to: elements.upperBound, inputs: opened)
    } catch {
      throw failure(error, job)
    }
  }

  // MARK: - Blocks

  /// Computes or copies the part of a tensor that lies in a block.
  ///
  /// - Parameters:
  ///   - bytes: which bytes of the tensor.
  ///   - offset: where in the block the first of them goes.
  mutating func fill(
    _ job: Job, _ tensor: TensorInfo, bytes: Range<Int>, at offset: Int
  ) throws(PipelineError) {
    guard let application = job.application else {
      try copy(job, bytes, at: offset)
      return
    }
    let size = tensor.dtype.byteCount
    let step = max(1, windowBytes / job.widestElement)
    let whole =
      (bytes.lowerBound + size - 1) / size..<max((bytes.lowerBound + size - 1) / size, bytes.upperBound / size)
    if whole.lowerBound * size > bytes.lowerBound {
      try straddle(job, application, tensor, bytes, whole.lowerBound - 1, offset)
    }
    for start in stride(from: whole.lowerBound, to: whole.upperBound, by: step) {
      let end = min(start + step, whole.upperBound)
      // SAFETY: the tensor's bytes lie in the block, which the block map guarantees.
      let target = unsafe block.bytes.baseAddress.unsafelyUnwrapped + offset + start * size - bytes.lowerBound
      try unsafe apply(job, application, start..<end, tensor.dtype, target)
    }
    if whole.upperBound * size < bytes.upperBound, whole.upperBound * size >= bytes.lowerBound {
      try straddle(job, application, tensor, bytes, whole.upperBound, offset)
    }
  }

  /// Computes an element that a block's edge cuts, for the bytes on this side.
  private mutating func straddle(
    _ job: Job, _ application: Application, _ tensor: TensorInfo, _ bytes: Range<Int>, _ element: Int, _ offset: Int
  ) throws(PipelineError) {
    let size = tensor.dtype.byteCount
    var number: UInt64 = 0
    // SAFETY: an element has at most 8 bytes, and only those inside `bytes` are copied to the block.
    try unsafe withUnsafeMutableBytes(of: &number) { (whole) throws(PipelineError) in
      guard let start = whole.baseAddress else { return }
      try unsafe apply(job, application, element..<element + 1, tensor.dtype, start)
    }
    unsafe withUnsafeBytes(of: number) { whole in
      for place in 0..<size where bytes.contains(element * size + place) {
        unsafe block.bytes[offset + element * size + place - bytes.lowerBound] = whole[place]
      }
    }
  }

  private mutating func apply(
    _ job: Job, _ application: Application, _ elements: Range<Int>, _ dtype: DType, _ target: UnsafeMutableRawPointer
  ) throws(PipelineError) {
    let opened = try unsafe windows.open(job.inputs, application.slots, elements)
    do throws(NonFinite) {
      try unsafe machine.apply(application, to: elements, inputs: opened, into: target, as: dtype)
    } catch {
      throw failure(error, job)
    }
  }

  private mutating func copy(_ job: Job, _ bytes: Range<Int>, at offset: Int) throws(PipelineError) {
    guard let input = job.inputs.first else { return }
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: windowBytes) {
      let end = min(start + windowBytes, bytes.upperBound)
      let source = try unsafe windows.open(input, input.start + start..<input.start + end, slot: 0)
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: block.bytes[offset + start - bytes.lowerBound..<offset + end - bytes.lowerBound])
      unsafe target.copyMemory(from: source)
    }
  }

  /// A value that is not finite, with the model, the tensor and the element that it was found in.
  private func failure(_ error: NonFinite, _ job: Job) -> PipelineError {
    let input = job.inputs[error.slot]
    let source = plan.graph.sources[input.operand.source].spec.name.name
    let name = plan.graph.info(of: input.operand).name
    return PipelineError(
      .run,
      "source \(MessageText.quoted(source)): tensor \(MessageText.quoted(name)): element \(error.element) is \(error.value.isNaN ? "NaN" : "infinite"), "
        + "expected finite numbers; repair \(MessageText.escaped(input.file.path)), or let them through with \"nan\": \"propagate\""
    )
  }

  /// The inputs opened once more, to be read: a sample's short windows cost less so, and it only guides.
  private func reopened(_ inputs: [Job.Input]) -> [Job.Input] {
    var opened: [FileIdentity: InputFile] = [:]
    return inputs.map { input in
      let file = opened[input.file.identity] ?? input.file.reopenedForReading() ?? input.file
      opened[input.file.identity] = file
      return Job.Input(file: file, start: input.start, elementBytes: input.elementBytes, operand: input.operand)
    }
  }
}
