internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension ArchiveRun {
  /// How often an archive is written to meet its size: what coders save is not known before they have run.
  private static let attempts = 4
  /// The share of the size that is good enough not to try again.
  private static let sufficient = 0.97

  /// Writes the archive so that it has at most `byteCount` bytes, with densities that lose the least.
  mutating func write(within byteCount: Int, _ nodes: [Int], _ report: () -> Void) throws(PipelineError) -> Int {
    let budgets = try nodes.map { (node) throws(PipelineError) in try survey(node, report) }
    var bits = Double(byteCount) * 8
    var fitting: Double?
    for number in 1...Self.attempts {
      let size = try attempt(budgets, nodes, bits, report)
      let isFitting = size <= byteCount
      if isFitting { fitting = max(fitting ?? 0, bits) }
      let isLast = number == Self.attempts
      if isFitting, isLast || Double(size) >= Self.sufficient * Double(byteCount) || isFull(budgets, bits) {
        return size
      }
      try discard()
      if isLast || (fitting != nil && !isFitting && number > 2) { break }
      // What the file takes beside the free densities, and what the coders saved, show in the size that came out.
      let spare = Double(byteCount - size) * 8
      bits = max(1, isFitting ? bits + spare * 0.98 : bits + spare * 1.05)
    }
    guard let fitting else {
      throw PipelineError(
        .run,
        "the archive cannot be made as small as \(Quantity.text(byteCount)), expected a larger 'target_size', or fewer tensors with "
          + "a codec of fixed size")
    }
    return try attempt(budgets, nodes, fitting, report)
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

  /// Whether every tensor is as dense as it can be.
  private func isFull(_ budgets: [SizeBudget], _ bits: Double) -> Bool {
    bits >= budgets.reduce(0) { $0 + $1.mostBits }
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
