/// What is known of a statistic once it has been gathered.
enum StatisticResult: Sendable {
  /// One number, or one per row or column.
  case numbers([Double])
  case selection(Selection)
  /// A selection over the model: tensors before the one of the cut keep all ties, those after it none.
  case modelSelection(Selection, cutTensor: Int)

  /// The outcome of a search that is done.
  init(_ selector: Selector, of kind: Statistic.Kind, _ precision: Precision) {
    if case .order = kind {
      self = .numbers([selector.key.map(precision.number(signedKey:)) ?? 0])
    } else {
      self = .selection(selector.result)
    }
  }

  /// The result as it holds for one of the node's tensors.
  func seen(from tensor: Int) -> StatisticResult {
    guard case .modelSelection(let selection, let cutTensor) = self, tensor != cutTensor else {
      if case .modelSelection(let selection, _) = self { return .selection(selection) }
      return self
    }
    return .selection(
      Selection(
        threshold: selection.threshold, cut: tensor < cutTensor ? .max : -1, keepsAfter: selection.keepsAfter))
  }
}

/// Values of model-scope statistics that earlier sweeps of the model gathered.
public struct ModelStatistics: Sendable {
  var results: [ModelStatisticKey: StatisticResult] = [:]

  public init() {}
}

/// The combined findings of a whole sweep of one tensor, for one statistic.
struct SweepTotal: Sendable {
  /// Sums over all units in order: one number, one per row, or one per column.
  var values: [Double] = []
  var bins: [UInt64] = []
  var above = 0
  /// Occurrences of each probe, chunk after chunk.
  var equal: [UInt32] = []
  var place: Int?
  var sample: [UInt64] = []
}

/// Combines partials, which come in any order, into totals that do not depend on it.
struct SweepCollector {
  private let sweep: Sweep
  /// Per reducer: values per unit (or per column of each unit), still apart.
  private var values: [[Double]]
  private var totals: [SweepTotal]
  /// Per reducer: sampled keys with the unit at which they begin.
  private var samples: [[(unit: Int, keys: [UInt64])]]

  init(_ sweep: Sweep) {
    self.sweep = sweep
    let units = sweep.units.count
    samples = Array(repeating: [], count: sweep.reducers.count)
    var width = 1
    if case .panel = sweep.unit { width = sweep.bound.columnCount }
    values = sweep.reducers.map { item in
      switch item.reducer {
      case .sum, .dot, .maximum: Array(repeating: item.reducer.start, count: units * width)
      default: []
      }
    }
    totals = sweep.reducers.map { item in
      guard case .keys(_, let round) = item.reducer else { return SweepTotal() }
      return SweepTotal(
        bins: Array(repeating: 0, count: round.binCount), equal: Array(repeating: 0, count: units * round.probes.count))
    }
  }

  mutating func absorb(_ partial: SweepPartial) {
    let offset = partial.units.lowerBound - sweep.units.lowerBound
    for (place, finding) in partial.findings.enumerated() {
      if !finding.values.isEmpty {
        let width = finding.values.count / partial.units.count
        values[place].replaceSubrange(offset * width..<offset * width + finding.values.count, with: finding.values)
      }
      // SAFETY: both have one number per bin of the round.
      unsafe totals[place].bins.withUnsafeMutableBufferPointer { totals in
        unsafe finding.bins.withUnsafeBufferPointer { bins in
          for bin in 0..<min(bins.count, totals.count) { unsafe totals[bin] &+= UInt64(bins[bin]) }
        }
      }
      totals[place].above += finding.above
      if !finding.equal.isEmpty {
        let start = offset * (finding.equal.count / partial.units.count)
        totals[place].equal.replaceSubrange(start..<start + finding.equal.count, with: finding.equal)
      }
      totals[place].place = totals[place].place ?? finding.place
      if !finding.sample.isEmpty { samples[place].append((partial.units.lowerBound, finding.sample)) }
    }
  }

  /// The totals, by reducer.
  consuming func finish() -> [SweepTotal] {
    for place in totals.indices {
      // Nearly always one worker sampled all of it.
      if samples[place].count == 1 {
        totals[place].sample = samples[place][0].keys
      } else {
        totals[place].sample = samples[place].sorted { $0.unit < $1.unit }.flatMap(\.keys)
      }
    }
    for place in totals.indices where !values[place].isEmpty {
      switch sweep.unit {
      case .row: totals[place].values = values[place]
      case .chunk, .sample:
        let reducer = sweep.reducers[place].reducer
        totals[place].values = [values[place].reduce(reducer.start, reducer.combine)]
      case .panel:
        let columns = sweep.bound.columnCount
        var sums = Array(repeating: 0.0, count: columns)
        for (index, value) in values[place].enumerated() { sums[index % columns] += value }
        totals[place].values = sums
      }
    }
    return totals
  }
}
