internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A worker's windows on the inputs, by operand slot.
final class Windows {
  private let plan: Plan
  private let progress: Progress
  private let coded: CodedWindows
  private let adapted: AdapterWindows
  private let gathered: GatherWindows
  private let reach: Int
  private var reader: WindowReader

  init(
    _ plan: Plan, _ progress: Progress, _ coded: CodedWindows, _ adapted: AdapterWindows, _ gathered: GatherWindows,
    reach: Int
  ) {
    self.plan = plan
    self.progress = progress
    self.coded = coded
    self.adapted = adapted
    self.gathered = gathered
    self.reach = reach
    reader = WindowReader(reach: reach, allowsLargePages: plan.sizes.allowsLargePages)
  }

  /// Opens a window on the same elements of every input whose slot a program reads.
  ///
  /// - Parameter counts: whether the bytes count as read.
  func open(
    _ inputs: [Job.Input], _ slots: [Int], _ elements: Range<Int>, counts: Bool = true
  ) throws(PipelineError) -> [InputWindow] {
    var windows: [InputWindow?] = unsafe Array(repeating: nil, count: inputs.count)
    var any: InputWindow?
    for slot in slots {
      let input = inputs[slot]
      if input.blockLength != nil {
        unsafe windows[slot] = try made(input, elements, slot: slot)
        unsafe any = windows[slot]
        continue
      }
      let range =
        input.start + elements.lowerBound * input.elementBytes..<input.start + elements.upperBound * input.elementBytes
      let bytes = try unsafe open(input, range, slot: slot, counts: counts)
      guard let start = bytes.baseAddress else { continue }
      unsafe windows[slot] = InputWindow(address: start, first: elements.lowerBound)
      unsafe any = windows[slot]
    }
    // SAFETY: slots that the program does not read are never looked at; they get some window to keep the places.
    return unsafe windows.compactMap { unsafe $0 ?? any }
  }

  /// Opens a window on what is decoded or computed from the bytes of an input.
  private func made(_ input: Job.Input, _ elements: Range<Int>, slot: Int) throws(PipelineError) -> InputWindow? {
    do throws(CheckpointError) {
      if let tensor = input.coded { return try unsafe coded.open(tensor, elements, slot: slot) }
      if let tensor = input.gathered {
        return try unsafe gathered.open(tensor, of: input.operand, elements, slot: slot)
      }
      return try unsafe input.adapted.map { (tensor) throws(CheckpointError) in
        try unsafe adapted.open(tensor, elements, slot: slot)
      }
    } catch {
      throw PipelineError(.run, error.description)
    }
  }

  /// The bytes of elements of an archive's tensor that lie in one of its blocks.
  func bytes(
    _ input: Job.Input, _ tensor: CodedTensor, _ elements: Range<Int>
  ) throws(PipelineError) -> UnsafeRawBufferPointer {
    do throws(CheckpointError) {
      return try unsafe coded.bytes(tensor, elements, slot: 0)
    } catch {
      throw PipelineError(.run, error.description)
    }
  }

  /// Opens a window on some bytes of an input's file.
  func open(
    _ input: Job.Input, _ range: Range<Int>, slot: Int, counts: Bool = true
  ) throws(PipelineError) -> UnsafeRawBufferPointer {
    do throws(CheckpointError) {
      if counts { progress.addRead(range.count) }
      return try unsafe reader.open(input.file, range, slot: slot)
    } catch {
      throw PipelineError(.run, error.naming(tensor: plan.graph.info(of: input.operand).name).description)
    }
  }

  /// Lets go of every window and every file.
  func close() { reader = WindowReader(reach: reach, allowsLargePages: plan.sizes.allowsLargePages) }
}
