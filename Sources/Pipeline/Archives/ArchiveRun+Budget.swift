internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension ArchiveRun {
  /// How often an archive is written to meet its size: what coders save is not known before they have run.
  private static let attempts = 6
  /// The share of the size that is good enough not to try again.
  private static let sufficient = 0.97

  /// Writes the archive so that it has at most `byteCount` bytes, with densities that lose the least.
  mutating func write(within byteCount: Int, _ nodes: [Int], _ report: () -> Void) throws(PipelineError) -> Int {
    let budgets = try nodes.map { (node) throws(PipelineError) in try survey(node, report) }
    let most = budgets.reduce(0) { $0 + $1.mostBits }
    var bits = min(most, Double(byteCount) * 8)
    var (fitting, failing): ((bits: Double, size: Int)?, Double?) = (nil, nil)
    for number in 1...Self.attempts {
      let earlier = earlierAttempt()
      let size: Int
      if let earlier { size = earlier } else { size = try attempt(budgets, nodes, bits, report) }
      if size <= byteCount {
        let isBest = number == Self.attempts || bits >= most || Double(size) >= Self.sufficient * Double(byteCount)
        if isBest { return size }
        if size > fitting?.size ?? 0 { fitting = (bits, size) }
      } else {
        failing = min(failing ?? .infinity, bits)
      }
      if earlier == nil {
        try note(attempt: size)
        try discard()
      }
      // What the file takes beside the free densities, and what the coders saved, show in the size that came out.
      bits += Double(byteCount - size) * 8 * (size <= byteCount ? 0.98 : 1.05)
      if let failing, bits >= failing { bits = ((fitting?.bits ?? 0) + failing) / 2 }
      if let fitting, bits <= fitting.bits { bits = (fitting.bits + (failing ?? most)) / 2 }
      bits = max(1, min(most, bits))
    }
    guard let fitting else {
      throw PipelineError(
        .run,
        "the archive cannot be made as small as \(Quantity.text(byteCount)), expected a larger 'target_size', or fewer tensors with "
          + "a codec of fixed size")
    }
    return try attempt(budgets, nodes, fitting.bits, report)
  }

  private mutating func attempt(
    _ budgets: [SizeBudget], _ nodes: [Int], _ bits: Double, _ report: () -> Void
  ) throws(PipelineError) -> Int {
    let total = budgets.reduce(0) { $0 + $1.mostBits }
    for (budget, node) in zip(budgets, nodes) {
      // Nodes share in proportion to what they could use.
      setDensities(budget.densities(bits: bits * budget.mostBits / max(1, total)), of: node)
    }
    return try attempt(report)
  }

  /// Counts the magnitudes of everything that a node codes.
  private func survey(_ node: Int, _ report: () -> Void) throws(PipelineError) -> SizeBudget {
    let (plan, nodePlan) = (surveyed, surveyed.graph.nodes[node])
    let found = Monitor([Int: MagnitudeSurvey]())
    let tensors = nodePlan.catalogue.tensors
    let task = Crew.Task(
      jobCount: tensors.count,
      prepare: { (number) throws(PipelineError) in
        let lowered = plan.graph.lower(nodePlan.models[0], tensors[number].name)
        guard case .value(let value) = lowered.content else { return Job(inputs: [], computation: nil) }
        let frame = plan.graph.frame(tensors[number].shape, lowered.operands, forcesDouble: false)
        return Job(
          inputs: plan.graph.inputs(lowered.operands), computation: MagnitudeSurvey.computation(of: value, over: frame))
      },
      finish: { number, job in
        guard let computation = job.computation else { return }
        let survey = MagnitudeSurvey(computation, elementCount: tensors[number].elementCount)
        found.withLock { $0[number] = survey }
      })
    try crew(task, report)
    let surveys = found.withLock { $0 }
    return SizeBudget(
      tensors.enumerated().compactMap { number, tensor in
        surveys[number].map { SizeBudget.Subject(name: tensor.name, codec: nodePlan.spec.op, survey: $0) }
      })
  }
}
