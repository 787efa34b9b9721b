/// What the evaluation of a tensor takes, for a plan.
public struct ComputationCost: Sendable {
  /// How often the tensor is swept for statistics before it is applied.
  public let sweeps: Int
  /// How often the whole model is swept before that.
  public let modelSweeps: Int
  /// Bytes of one worker's registers, and of the ranks that it gathers.
  public let registerBytes: Int
  /// Bytes of the tensor's statistics while it is in flight.
  public let heldBytes: Int
  /// Bytes that each worker needs besides while it gathers them.
  public let claimedBytes: Int
}

/// Estimates what evaluations take; the layers of a model repeat, and so do their expressions.
public struct CostEstimator {
  /// The last expression over each frame.
  private var known: [TensorFrame: (root: Value, cost: ComputationCost)] = [:]
  private static let mostKnown = 64
  private let tileLength: Int
  private let rankStep: Int

  public init(tileLength: Int, rankStep: Int = 1 << 17) {
    self.tileLength = tileLength
    self.rankStep = rankStep
  }

  /// What a value takes, without evaluating anything.
  ///
  /// - Returns: the cost, and an earlier value over such a frame if it is the same expression, to be used in place of this one.
  public mutating func cost(of root: Value, over frame: TensorFrame) -> (cost: ComputationCost, twin: SharedValue?) {
    if let found = known[frame], found.root.isTwin(of: root) { return (found.cost, SharedValue(found.root)) }
    let cost = estimate(root, frame)
    if known.count == Self.mostKnown { known = [:] }
    known[frame] = (root, cost)
    return (cost, nil)
  }

  private func estimate(_ root: Value, _ frame: TensorFrame) -> ComputationCost {
    let graph = root.graph
    let statistics = graph.statistics(under: [root.index])
    let chunks = frame.elementCount / Sweep.chunkLength + 1
    let selections = statistics.count { graph.statistics[$0].isSearched }
    var held = 0
    var claimed = 0
    for statistic in statistics {
      switch (graph.statistics[statistic].kind, graph.statistics[statistic].scope) {
      case (.selection, _) where frame.elementCount < Sampling.leastElements,
        (.order, _) where frame.elementCount < Sampling.leastElements:
        held += frame.elementCount * 16
        claimed += frame.elementCount * 8
      case (.selection, _), (.order, _):
        let bins = 1 << Sampling.binBits(selections: selections, of: frame.searchBits)
        held += bins * 8 + chunks * 4 * Sampling.probes(chunks: chunks)
        claimed += bins * 4
      case (_, .row): held += frame.elementCount / frame.rowLength * 8
      case (_, .column):
        held += frame.columnCount * 8 * 16
        claimed += frame.columnCount * 16
      case (_, .tensor), (_, .model): held += chunks * 8
      }
    }
    // Every value per row or column that is derived from statistics is kept once it has been computed.
    held += graph.extents.reduce(0) { bytes, extent in
      switch extent {
      case .row: bytes + frame.elementCount / frame.rowLength * 8
      case .column: bytes + frame.columnCount * 8
      case .scalar, .element: bytes
      }
    }
    let program = graph.compile(roots: [root.index] + statistics.flatMap { graph.statistics[$0].operands })
    return ComputationCost(
      sweeps: Computation(applying: root, over: frame).sweepCount + program.rereads(rankStep: rankStep),
      modelSweeps: graph.expectedModelSweeps(root.index, frame.precision),
      registerBytes: TileMachine.workingBytes(program, frame.precision, tileLength: tileLength, rankStep: rankStep),
      heldBytes: held,
      claimedBytes: claimed)
  }
}

extension Value {
  /// How often the whole model is swept before this value can be computed, as far as can be told; in single precision.
  public var expectedModelSweeps: Int { graph.expectedModelSweeps(index, .single) }
}

extension ExpressionGraph {
  /// How often the whole model is read before `root` can be computed: a sum takes one sweep, a selection a few rounds.
  fileprivate func expectedModelSweeps(_ root: Int, _ precision: Precision) -> Int {
    var rounds: [Int: Int] = [:]
    for statistic in statistics(under: [root]) where statistics[statistic].model != nil {
      var count = 1
      switch statistics[statistic].kind {
      // One where the sample guesses well, one more for ties; small models are counted twice.
      case .selection(_, let quota): count = quota.rule == .exactK ? 2 : 1
      case .order: count = (precision.keyBits + 16) / 16
      case .sum, .dot, .maximum: break
      }
      let level = statisticModelLevels[statistic]
      rounds[level] = max(rounds[level] ?? 0, count)
    }
    return rounds.values.reduce(0, +)
  }
}
