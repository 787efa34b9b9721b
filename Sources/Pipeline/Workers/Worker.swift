internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What one thread holds: registers, windows on the inputs, a block.
struct Worker: ~Copyable {
  private let plan: Plan
  private let machine: TileMachine
  private var reader = WindowReader()
  private let windowBytes: Int
  private let progress: Progress
  let block: AlignedBuffer

  init(_ plan: Plan, progress: Progress) throws(CheckpointError) {
    self.plan = plan
    self.progress = progress
    machine = TileMachine(tileLength: plan.options.tileLength)
    windowBytes = plan.sizes.window
    block = try AlignedBuffer(byteCount: plan.sizes.block)
  }

  // MARK: - Sweeps

  /// Sweeps units of a job's present sweep.
  mutating func sweep(_ job: Job, _ sweep: Sweep, _ units: Range<Int>) throws(PipelineError) -> SweepPartial {
    var state = SweepState(sweep, units: units)
    let step = max(1, windowBytes / job.widestElement)
    var unit = units.lowerBound
    while unit < units.upperBound {
      // Units that follow each other share windows; those of a sample are far apart.
      let last = sweep.isContiguous ? units.upperBound - 1 : unit
      let elements = sweep.elements(of: unit).lowerBound..<sweep.elements(of: last).upperBound
      for start in stride(from: elements.lowerBound, to: elements.upperBound, by: step) {
        let end = min(start + step, elements.upperBound)
        let windows = try unsafe open(job, sweep.slots, start..<end)
        do throws(NonFinite) {
          try unsafe machine.sweep(&state, to: end, inputs: windows)
        } catch {
          throw failure(error, job)
        }
        for slot in sweep.slots { reader.close(slot: slot, isLone: !sweep.isContiguous) }
      }
      unit = last + 1
    }
    return state.finish()
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
    let windows = try unsafe open(job, application.slots, elements)
    do throws(NonFinite) {
      try unsafe machine.apply(application, to: elements, inputs: windows, into: target, as: dtype)
    } catch {
      throw failure(error, job)
    }
    for slot in application.slots { reader.close(slot: slot) }
  }

  private mutating func copy(_ job: Job, _ bytes: Range<Int>, at offset: Int) throws(PipelineError) {
    guard let input = job.inputs.first else { return }
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: windowBytes) {
      let end = min(start + windowBytes, bytes.upperBound)
      let source = try unsafe window(input, input.start + start..<input.start + end, slot: 0)
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: block.bytes[offset + start - bytes.lowerBound..<offset + end - bytes.lowerBound])
      unsafe target.copyMemory(from: source)
      reader.close(slot: 0)
    }
  }

  // MARK: - Windows

  /// Opens a window for every slot that a program reads.
  private mutating func open(
    _ job: Job, _ slots: [Int], _ elements: Range<Int>
  ) throws(PipelineError) -> [InputWindow] {
    var windows: [InputWindow?] = unsafe Array(repeating: nil, count: job.inputs.count)
    var any: InputWindow?
    for slot in slots {
      let input = job.inputs[slot]
      let range =
        input.start + elements.lowerBound * input.elementBytes..<input.start + elements.upperBound * input.elementBytes
      let bytes = try unsafe window(input, range, slot: slot)
      guard let start = bytes.baseAddress else { continue }
      unsafe windows[slot] = InputWindow(address: start, first: elements.lowerBound)
      unsafe any = windows[slot]
    }
    // SAFETY: slots that the program does not read are never looked at; they get some window to keep the places.
    return unsafe windows.compactMap { unsafe $0 ?? any }
  }

  private mutating func window(
    _ input: Job.Input, _ range: Range<Int>, slot: Int
  ) throws(PipelineError) -> UnsafeRawBufferPointer {
    do throws(CheckpointError) {
      progress.addRead(range.count)
      return try unsafe reader.open(input.file, range, slot: slot)
    } catch {
      throw PipelineError(.run, error.naming(tensor: plan.graph.info(of: input.operand).name).description)
    }
  }

  /// A value that is not finite, with the model, the tensor and the element that it was found in.
  private func failure(_ error: NonFinite, _ job: Job) -> PipelineError {
    let input = job.inputs[error.slot]
    let source = plan.graph.sources[input.operand.source].spec.name.name
    let name = plan.graph.info(of: input.operand).name
    return PipelineError(
      .run,
      "source '\(source)': tensor '\(name)': element \(error.element) is \(error.value.isNaN ? "NaN" : "infinite"), "
        + "expected finite numbers; repair \(input.file.path), or let them through with \"nan\": \"propagate\"")
  }
}
