internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Gathers the statistics of an output that need the whole model, by sweeps over all tensors of the nodes that ask.
struct ModelSweeps {
  private let plan: Plan
  private let output: Plan.Output
  private let progress: Progress

  init(_ plan: Plan, _ output: Plan.Output, _ progress: Progress) {
    self.plan = plan
    self.output = output
    self.progress = progress
  }

  /// One tensor of one node, which may contribute.
  private struct Part: Sendable {
    let node: Int
    let name: String
    let info: TensorInfo
    let index: Int
  }

  /// Gathers level after level; each is one sweep, or a few where a selection narrows its interval.
  func run(report: () -> Void) throws(PipelineError) -> ModelStatistics {
    var known = ModelStatistics()
    guard output.modelLevels > 0 else { return known }
    let nodes = plan.graph.nodes(under: output.values)
    let parts = nodes.flatMap(parts(of:)).sorted { ($0.index, $0.node) < ($1.index, $1.node) }
    for level in 0..<output.modelLevels {
      let gathers = Gathers(plan, nodes: nodes, level: level)
      repeat {
        try sweep(parts, gathers, known, report)
      } while gathers.finishRound()
      gathers.merge(into: &known)
    }
    return known
  }

  private func parts(of node: Int) -> [Part] {
    let nodePlan = plan.graph.nodes[node]
    return zip(nodePlan.catalogue.tensors, nodePlan.origins).compactMap { tensor, origin in
      origin.mergedIndex.map { Part(node: node, name: tensor.name, info: tensor, index: $0) }
    }
  }

  private func sweep(
    _ parts: [Part], _ gathers: Gathers, _ known: ModelStatistics, _ report: () -> Void
  ) throws(PipelineError) {
    let plan = plan
    let task = Crew.Task(
      jobCount: parts.count,
      prepare: { (number) throws(PipelineError) in
        let part = parts[number]
        let lowered = plan.graph.lower(.node(part.node), part.name)
        guard case .value(let value) = lowered.content else { return Job(inputs: [], computation: nil) }
        let frame = plan.graph.frame(part.info.shape, lowered.operands, forcesDouble: plan.forcesDouble)
        let computation = gathers.computation(of: value, node: part.node, tensor: part.index, frame, known)
        return Job(inputs: plan.graph.inputs(lowered.operands), computation: computation)
      },
      finish: { number, job in
        if let computation = job.computation {
          gathers.absorb(computation, node: parts[number].node, tensor: parts[number].index)
        }
      })
    try Crew(plan, task, progress: progress).run(report: report)
  }
}

/// The gathers of all nodes at one level, which workers share.
private final class Gathers: Sendable {
  // Each gather is reached under the lock alone.
  private struct Entry: @unchecked Sendable {
    let gather: ModelGather
  }

  private let entries: Monitor<[Int: Entry]>

  init(_ plan: Plan, nodes: [Int], level: Int) {
    var entries: [Int: Entry] = [:]
    for node in nodes {
      let nodePlan = plan.graph.nodes[node]
      let counts = zip(nodePlan.catalogue.tensors, nodePlan.origins).compactMap { tensor, origin in
        origin.mergedIndex.map { _ in tensor.elementCount }
      }
      entries[node] = Entry(
        gather: ModelGather(
          node: nodePlan.spec.name.name, level: level, elementCounts: counts,
          precision: plan.forcesDouble ? .double : .single))
    }
    self.entries = Monitor(entries)
  }

  func computation(
    of value: Value, node: Int, tensor: Int, _ frame: TensorFrame, _ known: ModelStatistics
  ) -> Computation? {
    entries.withLock { $0[node]?.gather.computation(of: value, tensor: tensor, over: frame, known: known) }
  }

  func absorb(_ computation: Computation, node: Int, tensor: Int) {
    entries.withLock { $0[node]?.gather.absorb(computation, tensor: tensor) }
  }

  func finishRound() -> Bool {
    entries.withLock { entries in
      var isUnfinished = false
      for entry in entries.values where entry.gather.finishRound() { isUnfinished = true }
      return isUnfinished
    }
  }

  func merge(into known: inout ModelStatistics) {
    entries.withLock { entries in
      for entry in entries.values { entry.gather.merge(into: &known) }
    }
  }
}
