/// What the evaluation of a tensor takes, for a plan.
public struct ComputationCost: Sendable {
  /// How often the tensor is swept for statistics before it is applied.
  public let sweeps: Int
  /// Bytes of one worker's registers.
  public let registerBytes: Int
  /// Bytes of the statistics of the tensor, while they are gathered by two workers.
  public let statisticBytes: Int
}

extension Computation {
  /// Estimates what a value takes, without evaluating anything.
  public static func cost(of root: Value, over frame: TensorFrame, tileLength: Int) -> ComputationCost {
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
