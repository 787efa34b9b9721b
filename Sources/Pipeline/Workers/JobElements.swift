internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The elements of a job's operands, as a ranking reads them: whole slices, window by window.
struct JobElements: ElementSource {
  let plan: Plan
  let job: Job
  let inputs: [Job.Input]
  let windows: Windows
  let windowBytes: Int
  /// What is read after the ranking in any case, and counts as read then.
  let own: Range<Int>

  func part(of elements: Range<Int>) -> Range<Int> {
    var steps = job.steps(elements, of: windowBytes / job.widestElement).makeIterator()
    return steps.next() ?? elements
  }

  func open(_ slots: [Int], _ elements: Range<Int>) throws(PipelineError) -> [InputWindow] {
    // SAFETY: the windows stay until the next are opened, which whoever ranks does after the last look at these.
    try unsafe windows.open(inputs, slots, elements, counts: !own.contains(elements))
  }

  func failure(_ error: NonFinite) -> PipelineError { job.failure(error, plan) }
}

extension Job {
  /// A value that is not finite, with the model, the tensor and the element that it was found in.
  func failure(_ error: NonFinite, _ plan: Plan) -> PipelineError {
    let input = inputs[error.slot]
    let source = plan.graph.sources[input.operand.source].spec.name.name
    let name = plan.graph.info(of: input.operand).name
    return PipelineError(
      .run,
      "source \(MessageText.quoted(source)): tensor \(MessageText.quoted(name)): element \(error.element) is \(error.value.isNaN ? "NaN" : "infinite"), "
        + "expected finite numbers; repair \(MessageText.escaped(input.file.path)), or let them through with \"nan\": \"propagate\""
    )
  }
}
