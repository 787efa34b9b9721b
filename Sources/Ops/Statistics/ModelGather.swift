internal import WeirTensors

/// What the model's present sweep wants of a tensor for a model-scope selection.
enum ModelRound: Hashable, Sendable {
  /// A run of neighbours from every so many elements.
  case sample(stride: Int)
  case count(Selector.Round)
  case locate(chunk: Int, ordinal: Int, key: UInt64)
}

extension Value {
  /// How many sweeps of the whole model must come, one after the other, before this value can be computed.
  public var modelSweepLevels: Int { graph.modelLevels[index] }
}

/// Gathers the model-scope statistics of one node that can be known together, by sweeps over all the node's tensors.
///
/// A sum adds the tensors' sums in the node's order; a selection runs its rounds over the model as over one long tensor,
/// the tensors laid end to end.
///
/// - Note: Not safe to use from two threads at once; its user holds a lock.
public final class ModelGather {
  private enum State {
    case sum([Double])
    /// The keys of each tensor's runs, for a selection's first guess.
    case sample(Statistic.Kind, count: Int, Quota, keys: [[UInt64]])
    case search(Selector, Statistic.Kind, bins: [UInt64], above: Int, equal: [UInt32], place: Int?)
  }

  private let node: String
  private let level: Int
  /// Where each tensor's chunks begin in the model.
  private let chunkOffsets: [Int]
  private let elementCount: Int
  private let keyBits: Int
  private var states: [ModelStatisticKey: State] = [:]
  private var rounds: [ModelStatisticKey: ModelRound] = [:]
  private var locatedTensors: [ModelStatisticKey: Int] = [:]
  private var stage: Stage

  /// What the present sweep of the model is for.
  private enum Stage {
    /// Samples for the selections.
    case sampling
    /// Sums, and the selections' first counts.
    case gathering
    /// What selections still need.
    case narrowing
  }

  /// A model with fewer elements is not sampled: counting it twice costs less.
  private static let leastElements = 1 << 22
  /// Runs in the whole model, and what each of them has: neighbours are alike, so that many short ones tell most.
  private static let runs = 1 << 14
  static let runLength = 64

  /// - Parameters:
  ///   - level: how many model sweeps must have come before.
  ///   - elementCounts: of the tensors that the node merges, in its order.
  ///   - leastSampled: the elements from which on a model is sampled; tests sample small ones.
  public convenience init(node: String, level: Int, elementCounts: [Int], precision: Precision) {
    self.init(
      node: node, level: level, elementCounts: elementCounts, precision: precision, leastSampled: Self.leastElements)
  }

  init(node: String, level: Int, elementCounts: [Int], precision: Precision, leastSampled: Int) {
    self.node = node
    self.level = level
    var offset = 0
    chunkOffsets =
      elementCounts.map { count in
        defer { offset += (count + Sweep.chunkLength - 1) / Sweep.chunkLength }
        return offset
      } + [offset]
    elementCount = elementCounts.reduce(0, +)
    keyBits = precision.keyBits
    stage = elementCount < leastSampled ? .gathering : .sampling
  }

  /// The evaluation of what one tensor contributes to the present round; `nil` where that is nothing.
  public func computation(of root: Value, tensor: Int, over frame: TensorFrame, known: ModelStatistics) -> Computation?
  {
    let graph = root.graph
    let contributions = graph.statistics(under: [root.index]).filter { statistic in
      guard let place = graph.statistics[statistic].model, place.key.node == node, place.tensor == tensor,
        graph.statisticModelLevels[statistic] == level
      else { return false }
      if states[place.key] == nil { enter(place.key, graph.statistics[statistic]) }
      if stage == .sampling, frame.elementCount < Self.runLength { return false }
      if case .sum? = states[place.key] { return stage == .gathering }
      guard let round = rounds[place.key] else { return false }
      if case .locate = round { return locatedTensors[place.key] == tensor }
      return true
    }
    guard !contributions.isEmpty else { return nil }
    return Computation(graph, root: nil, contributions: contributions, frame, known, rounds: rounds)
  }

  /// Takes in a finished contribution.
  public func absorb(_ computation: Computation, tensor: Int) {
    for (key, total) in computation.contributed {
      switch states[key] {
      case .sum(var sums)?:
        sums[tensor] = total.values.first ?? 0
        states[key] = .sum(sums)
      case .sample(let kind, let count, let quota, var keys)?:
        keys[tensor] = total.sample
        states[key] = .sample(kind, count: count, quota, keys: keys)
      case .search(let selector, let kind, var bins, var above, var equal, var place)?:
        states[key] = nil  // so that the arrays are changed in place
        for (bin, number) in total.bins.enumerated() where number > 0 { bins[bin] += number }
        above += total.above
        let stride = total.equal.count / max(1, chunkOffsets[tensor + 1] - chunkOffsets[tensor])
        for (place, number) in total.equal.enumerated() { equal[chunkOffsets[tensor] * stride + place] = number }
        place = place ?? total.place
        states[key] = .search(selector, kind, bins: bins, above: above, equal: equal, place: place)
      case nil: break
      }
    }
  }

  /// Ends a sweep of all the tensors; whether another is needed.
  public func finishRound() -> Bool {
    let wasSampling = stage == .sampling
    stage = wasSampling ? .gathering : .narrowing
    rounds = [:]
    for (key, state) in states {
      if case .sample(let kind, let count, let quota, let keys) = state {
        begin(key, kind, count: count, quota, isSigned: false, sample: keys.flatMap { $0 })
        continue
      }
      guard case .search(var selector, let kind, let bins, let above, let equal, let place) = state else { continue }
      if case .count = selector.step {
        selector.absorb(bins: bins, above: above, equal: equal)
      } else if case .locate = selector.step {
        selector.absorb(cut: place ?? .max)
      }
      states[key] = begin(key, selector, kind)
    }
    return wasSampling || !rounds.isEmpty
  }

  /// What has been gathered, once no further sweep is needed.
  public func merge(into known: inout ModelStatistics) {
    for (key, state) in states {
      switch state {
      case .sum(let sums): known.results[key] = .numbers([sums.reduce(0, +)])
      case .sample: break
      case .search(let selector, let kind, _, _, _, _):
        let result = StatisticResult(selector, of: kind, keyBits == Precision.single.keyBits ? .single : .double)
        if case .selection(let selection) = result {
          known.results[key] = .modelSelection(selection, cutTensor: locatedTensors[key] ?? chunkOffsets.count)
        } else {
          known.results[key] = result
        }
      }
    }
  }

  private func enter(_ key: ModelStatisticKey, _ statistic: Statistic) {
    guard states[key] == nil else { return }
    switch statistic.kind {
    case .sum, .dot, .maximum: states[key] = .sum(Array(repeating: 0, count: chunkOffsets.count - 1))
    case .selection(_, let quota):
      guard case .fixed(let count) = quota.count else { return }
      guard stage != .sampling else {
        states[key] = .sample(
          statistic.kind, count: count, quota, keys: Array(repeating: [], count: chunkOffsets.count - 1))
        rounds[key] = .sample(stride: max(1 << 12, elementCount / Self.runs))
        return
      }
      begin(key, statistic.kind, count: count, quota, isSigned: false)
    case .order(_, let rank):
      let count = max(1, elementCount - rank)
      begin(key, statistic.kind, count: count, Quota(count: .fixed(count), rule: .threshold), isSigned: true)
    }
  }

  private func begin(
    _ key: ModelStatisticKey, _ kind: Statistic.Kind, count: Int, _ quota: Quota, isSigned: Bool,
    sample: [UInt64] = []
  ) {
    let selector = Selector(
      count: count, of: elementCount, rule: quota.rule, keyBits: keyBits, isSigned: isSigned,
      keepsLastTies: quota.keepsLastTies,
      binBits: elementCount <= Sweep.chunkLength ? 11 : sample.isEmpty ? 16 : 18,
      probeCount: Sampling.probes(chunks: chunkOffsets.last ?? 0), sample: sample,
      runLength: Self.runLength)
    states[key] = begin(key, selector, kind)
  }

  /// Makes room for a selector's next round.
  private func begin(_ key: ModelStatisticKey, _ selector: Selector, _ kind: Statistic.Kind) -> State {
    var (binCount, probeCount) = (0, 0)
    switch selector.step {
    case .count(let round):
      rounds[key] = .count(round)
      (binCount, probeCount) = (round.binCount, round.probes.count)
    case .locate(let chunk, let ordinal, let probe):
      let tensor = (chunkOffsets.firstIndex { $0 > chunk } ?? 1) - 1
      locatedTensors[key] = tensor
      rounds[key] = .locate(chunk: chunk - chunkOffsets[tensor], ordinal: ordinal, key: probe)
    case .done: break
    }
    return .search(
      selector, kind, bins: Array(repeating: 0, count: binCount), above: 0,
      equal: Array(repeating: 0, count: (chunkOffsets.last ?? 0) * probeCount), place: nil)
  }
}
