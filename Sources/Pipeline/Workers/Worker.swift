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
  /// Decoded blocks of archives.
  private let coded: CodedWindows
  let block: AlignedBuffer
  /// What archives are made with.
  let bench: CodingBench
  /// Hashes a block while it is computed.
  let hashing = HashRun()
  /// Bytes that are computed before they are hashed: most of them are in the first level of cache then, and all in the second.
  private static let hashedBytes = 16 << 10

  init(_ plan: Plan, _ factors: FactorStore, progress: Progress) throws(CheckpointError) {
    let allowsLargePages = plan.sizes.allowsLargePages
    let bench = try CodingBench(allowsLargePages: allowsLargePages)
    let block = try AlignedBuffer(byteCount: plan.sizes.block, usesLargePages: true)
    self.plan = plan
    machine = TileMachine(tileLength: plan.options.tileLength, rankStep: plan.options.rankStep)
    windowBytes = plan.sizes.window
    coded = CodedWindows(progress, allowsLargePages: allowsLargePages)
    let adapted = AdapterWindows(factors)
    let gathered = GatherWindows(progress, allowsLargePages: allowsLargePages)
    windows = Windows(plan, progress, coded, adapted, gathered, reach: min(1 << 20, plan.sizes.window))
    sampling = Windows(plan, progress, coded, adapted, gathered, reach: 0)
    self.bench = bench
    self.block = block
  }

  // MARK: - Sweeps

  /// Sweeps units of a job's present sweep.
  mutating func sweep(_ job: Job, _ sweep: Sweep, _ units: Range<Int>) throws(PipelineError) -> SweepPartial {
    var state = SweepState(sweep, units: units)
    guard sweep.isContiguous else {
      let inputs = reopened(job.inputs)
      for unit in units {
        for part in job.steps(sweep.elements(of: unit), of: .max) {
          try advance(&state, job, sweep, part, sampling, inputs)
        }
      }
      sampling.close()
      return state.finish()
    }
    guard let last = units.last else { return state.finish() }
    let elements = sweep.elements(of: units.lowerBound).lowerBound..<sweep.elements(of: last).upperBound
    for part in job.steps(elements, of: windowBytes / job.widestElement, ranks: machine.rankSteps(of: sweep)) {
      try advance(&state, job, sweep, part, windows, job.inputs)
    }
    return state.finish()
  }

  /// Sweeps the elements of one window.
  private func advance(
    _ state: inout SweepState, _ job: Job, _ sweep: Sweep, _ elements: Range<Int>, _ windows: Windows,
    _ inputs: [Job.Input]
  ) throws(PipelineError) {
    try machine.rank(sweep, elements, from: source(job, inputs, windows, elements))
    let opened = try unsafe windows.open(inputs, sweep.slots, elements)
    do throws(NonFinite) {
      try unsafe machine.sweep(&state, to: elements.upperBound, inputs: opened)
    } catch {
      throw job.failure(error, plan)
    }
  }

  /// Where the ranking of a job's elements reads them from.
  private func source(
    _ job: Job, _ inputs: [Job.Input], _ windows: Windows, _ elements: Range<Int>
  ) -> JobElements {
    JobElements(plan: plan, job: job, inputs: inputs, windows: windows, windowBytes: windowBytes, own: elements)
  }

  // MARK: - Blocks

  /// Computes or copies the part of a tensor that lies in a block.
  ///
  /// - Parameters:
  ///   - bytes: which bytes of the tensor.
  ///   - offset: where in the block the first of them goes.
  ///   - hashing: told how far the bytes are written, as they are.
  mutating func fill(
    _ job: Job, _ tensor: TensorInfo, bytes: Range<Int>, at offset: Int, _ hashing: HashRun? = nil
  ) throws(PipelineError) {
    guard let application = job.application else {
      try copy(job, bytes, at: offset, hashing)
      return
    }
    let size = tensor.dtype.byteCount
    let whole =
      (bytes.lowerBound + size - 1) / size..<max((bytes.lowerBound + size - 1) / size, bytes.upperBound / size)
    if whole.lowerBound * size > bytes.lowerBound {
      try straddle(job, application, tensor, bytes, whole.lowerBound - 1, offset)
    }
    for part in job.steps(whole, of: windowBytes / job.widestElement, ranks: machine.rankSteps(of: application)) {
      // SAFETY: the tensor's bytes lie in the block, which the block map guarantees.
      let target = unsafe block.bytes.baseAddress.unsafelyUnwrapped + offset + part.lowerBound * size - bytes.lowerBound
      try unsafe apply(job, application, part, tensor.dtype, target, hashing)
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
    _ job: Job, _ application: Application, _ elements: Range<Int>, _ dtype: DType, _ target: UnsafeMutableRawPointer,
    _ hashing: HashRun? = nil
  ) throws(PipelineError) {
    try unsafe run(job, application, elements) { (inputs) throws(NonFinite) in
      let size = dtype.byteCount
      for first in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.hashedBytes / size) {
        let part = first..<min(first + Self.hashedBytes / size, elements.upperBound)
        let place = unsafe target + (first - elements.lowerBound) * size
        try unsafe machine.apply(application, to: part, inputs: inputs, into: place, as: dtype)
        hashing?.advance(to: part.upperBound * size)
      }
    }
  }

  /// Computes elements of a job that is no copy, and hands each tile on as Float32, with the index of its first element.
  func forEachTile(
    _ job: Job, _ application: Application, _ elements: Range<Int>, _ body: (UnsafeBufferPointer<Float>, Int) -> Void
  ) throws(PipelineError) {
    for part in job.steps(elements, of: windowBytes / job.widestElement, ranks: machine.rankSteps(of: application)) {
      try unsafe run(job, application, part) { (inputs) throws(NonFinite) in
        try unsafe machine.forEachTile(application, of: part, inputs: inputs, body)
      }
    }
  }

  /// Ranks what an application needs ranked, and opens windows on the elements of its operands.
  private func run(
    _ job: Job, _ application: Application, _ elements: Range<Int>, _ body: ([InputWindow]) throws(NonFinite) -> Void
  ) throws(PipelineError) {
    try machine.rank(application, elements, from: source(job, job.inputs, windows, elements))
    let opened = try unsafe windows.open(job.inputs, application.slots, elements)
    do throws(NonFinite) {
      try unsafe body(opened)
    } catch {
      throw job.failure(error, plan)
    }
  }

  private mutating func copy(
    _ job: Job, _ bytes: Range<Int>, at offset: Int, _ hashing: HashRun?
  ) throws(PipelineError) {
    guard let input = job.inputs.first else { return }
    if let tensor = input.coded {
      try copy(tensor, input, bytes, at: offset, hashing)
      return
    }
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: windowBytes) {
      let end = min(start + windowBytes, bytes.upperBound)
      let source = try unsafe windows.open(input, input.start + start..<input.start + end, slot: 0)
      for first in stride(from: start, to: end, by: Self.hashedBytes) {
        let part = first..<min(first + Self.hashedBytes, end)
        let place = offset + first - bytes.lowerBound
        // SAFETY: the part lies in the source, and its place in the block.
        unsafe UnsafeMutableRawBufferPointer(rebasing: block.bytes[place..<place + part.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[first - start..<part.upperBound - start]))
        hashing?.advance(to: part.upperBound)
      }
    }
  }

  /// Copies what blocks of an archive decode to.
  private mutating func copy(
    _ tensor: CodedTensor, _ input: Job.Input, _ bytes: Range<Int>, at offset: Int, _ hashing: HashRun?
  ) throws(PipelineError) {
    let size = tensor.elementBytes
    let elements = bytes.lowerBound / size..<(bytes.upperBound + size - 1) / size
    for part in CodedTensor.steps(elements, of: .max, blockLengths: [tensor.blockLength]) {
      let found = try unsafe windows.bytes(input, tensor, part)
      let wanted = max(bytes.lowerBound, part.lowerBound * size)..<min(bytes.upperBound, part.upperBound * size)
      // SAFETY: the wanted bytes are some of the part's elements, and lie in the block.
      let source = unsafe UnsafeRawBufferPointer(
        rebasing: found[wanted.lowerBound - part.lowerBound * size..<wanted.upperBound - part.lowerBound * size])
      let start = offset + wanted.lowerBound - bytes.lowerBound
      unsafe UnsafeMutableRawBufferPointer(rebasing: block.bytes[start..<start + wanted.count]).copyMemory(from: source)
      hashing?.advance(to: wanted.upperBound)
    }
  }

  /// The inputs opened once more, to be read: a sample's short windows cost less so, and it only guides.
  private func reopened(_ inputs: [Job.Input]) -> [Job.Input] {
    var opened: [FileIdentity: InputFile] = [:]
    return inputs.map { input in
      guard input.blockLength == nil else { return input }
      let file = opened[input.file.identity] ?? input.file.reopenedForReading() ?? input.file
      opened[input.file.identity] = file
      return Job.Input(file: file, start: input.start, elementBytes: input.elementBytes, operand: input.operand)
    }
  }
}
