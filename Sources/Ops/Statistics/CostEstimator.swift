/// What the evaluation of a tensor takes, for a plan.
public struct ComputationCost: Sendable {
  /// How often the tensor is swept for statistics before it is applied.
  public let sweeps: Int
  /// Bytes of one worker's registers.
  public let registerBytes: Int
  /// Bytes of the statistics of the tensor, while they are gathered by two workers.
  public let statisticBytes: Int
}

/// Estimates what evaluations take; the layers of a model repeat, and so do their expressions.
public struct CostEstimator {
  private var last:
    (operations: [Operation], statistics: [Statistic], root: Int, frame: TensorFrame, cost: ComputationCost)?
  private let tileLength: Int

  public init(tileLength: Int) { self.tileLength = tileLength }

  /// What a value takes, without evaluating anything.
  public mutating func cost(of root: Value, over frame: TensorFrame) -> ComputationCost {
    let graph = root.graph
    if let last, last.root == root.index, last.frame == frame, last.operations == graph.operations,
      last.statistics == graph.statistics
    {
      return last.cost
    }
    let cost = Self.estimate(root, frame, tileLength)
    last = (graph.operations, graph.statistics, root.index, frame, cost)
    return cost
  }

  private static func estimate(_ root: Value, _ frame: TensorFrame, _ tileLength: Int) -> ComputationCost {
    let graph = root.graph
    var bytes = 0
    var roots = [root.index]
    let statistics = graph.statistics(under: [root.index])
    for statistic in statistics {
      roots += graph.statistics[statistic].operands
      switch (graph.statistics[statistic].kind, graph.statistics[statistic].scope) {
      case (.selection, _):
        let chunks = frame.elementCount / Sweep.chunkLength + 1
        bytes += min(frame.elementCount, 1 << 17) * 16 + chunks * 4
      case (_, .row): bytes += frame.elementCount / frame.rowLength * 24
      case (_, .column): bytes += frame.columnCount * 8 * 24
      case (_, .tensor), (_, .model): bytes += (frame.elementCount / Sweep.chunkLength + 1) * 8
      }
    }
    let program = graph.compile(roots: roots)
    return ComputationCost(
      sweeps: Computation(applying: root, over: frame).sweepCount,
      registerBytes: TileMachine.registerBytes(program, frame.precision, tileLength: tileLength), statisticBytes: bytes)
  }
}
