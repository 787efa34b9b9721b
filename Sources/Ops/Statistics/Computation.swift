/// The evaluation of one tensor's expression: which sweeps it needs, in order, and at last the program that is applied.
///
/// Sweeps come level by level: a statistic is gathered once all that it depends on is known. Within a level, sums over the
/// flat tensor and all selections share sweeps; rows and columns have their own.
///
/// - Note: Not safe to use from two threads at once. The scheduler hands it to one worker at a time, which is why it may
///   be sent between them.
public final class Computation: @unchecked Sendable {
  private let graph: ExpressionGraph
  private let frame: TensorFrame
  /// The node that is applied; `nil` where only statistics of the model are wanted.
  private let root: Int?
  /// The model-scope statistics to which this tensor is still to contribute.
  private var contributions: [Int]
  private var results: [Int: StatisticResult] = [:]
  /// Tensor-scope statistics not yet known.
  private var pending: Set<Int>
  private var selectors: [Int: Selector] = [:]
  private var sampled: Set<Int> = []
  /// The rounds of model-scope selections in the model's present sweep.
  private let modelRounds: [ModelStatisticKey: ModelRound]
  private var numbers: [Int: [Double]] = [:]
  /// The outputs of formulas, each evaluated once.
  private var outputs: [FormulaCall: [[Double]]] = [:]

  private var current: (sweep: Sweep, collector: SweepCollector)?

  /// Totals of this tensor for the model-scope statistics that it contributes to; complete when `nextSweep` gives `nil`.
  private(set) var contributed: [(key: ModelStatisticKey, total: SweepTotal)] = []

  /// What a formula refused; the evaluation is then worth nothing.
  public private(set) var failure: FormulaFailure?

  /// An evaluation that ends in elements.
  public convenience init(applying root: Value, over frame: TensorFrame, model: ModelStatistics = ModelStatistics()) {
    self.init(root.graph, root: root.index, contributions: [], frame, model, rounds: [:])
  }

  init(
    _ graph: ExpressionGraph, root: Int?, contributions: [Int], _ frame: TensorFrame, _ model: ModelStatistics,
    rounds: [ModelStatisticKey: ModelRound]
  ) {
    self.graph = graph
    self.frame = frame
    self.root = root
    self.contributions = contributions
    modelRounds = rounds
    let roots = (root.map { [$0] } ?? []) + contributions.flatMap { graph.statistics[$0].operands }
    pending = []
    for statistic in graph.statistics(under: roots) {
      if let place = graph.statistics[statistic].model {
        results[statistic] = model.results[place.key]?.seen(from: place.tensor)
      } else {
        pending.insert(statistic)
      }
    }
  }

  /// How often the statistics of this tensor read it, for the plan: one sweep per level and kind.
  var sweepCount: Int {
    Set(pending.map { [graph.statisticLevels[$0], kind(of: $0)] }).count + (contributions.isEmpty ? 0 : 1)
  }

  /// The next sweep, or `nil` once every statistic is known.
  public func nextSweep() -> Sweep? {
    if frame.elementCount == 0 { settleEmpty() }
    while current == nil {
      if let level = pending.map({ graph.statisticLevels[$0] }).min() {
        let group = pending.filter { graph.statisticLevels[$0] == level }
        let kind = group.map(kind(of:)).min() ?? 0
        start(tensorSweep(group.filter { self.kind(of: $0) == kind }.sorted()))
      } else if !contributions.isEmpty {
        start(contribution())
      } else {
        return nil
      }
    }
    return current?.sweep
  }

  /// Takes in what a worker found in some units of the sweep at hand.
  public func absorb(_ partial: SweepPartial) { current?.collector.absorb(partial) }

  /// Ends the sweep at hand, all of whose units have been absorbed.
  public func finishSweep() {
    guard let (sweep, collector) = current else { return }
    current = nil
    let totals = collector.finish()
    // Sums first: they may say how many elements a selection keeps.
    for isSearch in [false, true] {
      for (place, item) in sweep.reducers.enumerated() where graph.statistics[item.statistic].isSearched == isSearch {
        settle(item, totals[place])
      }
    }
  }

  /// The program that computes the output's elements; all sweeps are done.
  public func application() -> Application {
    let program = graph.compile(roots: root.map { [$0] } ?? [], planeSlots: frame.planeSlots)
    return Application(bound: bind(program))
  }

  // MARK: - Sweeps

  private func kind(of statistic: Int) -> Int {
    switch graph.statistics[statistic].scope {
    case .tensor, .model: 0
    case .row: 1
    case .column: 2
    }
  }

  private func start(_ sweep: Sweep) { current = (sweep, SweepCollector(sweep)) }

  private func tensorSweep(_ statistics: [Int]) -> Sweep {
    let selections = statistics.filter { graph.statistics[$0].isSearched }
    let sampling = selections.filter { !sampled.contains($0) }
    if !sampling.isEmpty, frame.elementCount >= Sampling.leastElements {
      sampled.formUnion(sampling)
      let stride = frame.elementCount / Sampling.runs
      return sweep(
        sampling.map { ($0, .sample) }, unit: .sample(stride: stride, length: sampleRunLength),
        units: 0..<Sampling.runs)
    }
    if !selections.isEmpty, frame.elementCount < Sampling.leastElements {
      // So few keys are gathered and searched at once, in the sweep of the sums.
      return wholeSweep(statistics.map { ($0, graph.statistics[$0].isSearched ? .sample : .sum) }, scope: .tensor)
    }
    for statistic in selections where selectors[statistic] == nil {
      selectors[statistic] = selector(statistic, sample: [])
    }
    for statistic in selections {
      guard case .locate(let chunk, let ordinal, let key)? = selectors[statistic]?.step else { continue }
      return sweep([(statistic, .locate(key: key, ordinal: ordinal))], unit: .chunk, units: chunk..<chunk + 1)
    }
    let scope = statistics.first.map { graph.statistics[$0].scope } ?? .tensor
    return wholeSweep(
      statistics.map { statistic in
        guard case .count(let round)? = selectors[statistic]?.step else { return (statistic, .sum) }
        return (statistic, .keys(round))
      }, scope: scope)
  }

  /// The next sweep for the model: each search in a chunk of its own, then all counts and sums together.
  private func contribution() -> Sweep {
    func measure(_ statistic: Int) -> Measure {
      graph.statistics[statistic].model.flatMap { modelRounds[$0.key] }.map(Measure.init) ?? .sum
    }
    if let search = contributions.firstIndex(where: { measure($0).chunk != nil }) {
      let statistic = contributions.remove(at: search)
      return wholeSweep([(statistic, measure(statistic))], scope: .tensor)
    }
    let all = contributions
    contributions = []
    let strides = all.compactMap { graph.statistics[$0].model.flatMap { modelRounds[$0.key]?.stride } }
    if let stride = strides.first {
      let length = ModelGather.runLength
      return sweep(
        all.map { ($0, .sample) }, unit: .sample(stride: stride, length: length),
        units: 0..<(frame.elementCount - length) / stride + 1)
    }
    return wholeSweep(all.map { ($0, measure($0)) }, scope: .tensor)
  }

  private func wholeSweep(_ measures: [(Int, Measure)], scope: Scope) -> Sweep {
    let count = frame.elementCount
    switch scope {
    case .row: return sweep(measures, unit: .row, units: 0..<count / frame.rowLength)
    case .column:
      // A fixed number of panels, of whole rows, whatever the tensor: their sums fit in memory, and two workers have enough.
      let rows = count / frame.columnCount
      let length = (rows + 15) / 16 * frame.columnCount
      return sweep(measures, unit: .panel(length: length), units: 0..<(count + length - 1) / length)
    case .tensor, .model:
      if let place = measures.compactMap({ $0.1.chunk }).first {
        return sweep(measures, unit: .chunk, units: place..<place + 1)
      }
      return sweep(measures, unit: .chunk, units: 0..<(count + Sweep.chunkLength - 1) / Sweep.chunkLength)
    }
  }

  private func sweep(_ measures: [(Int, Measure)], unit: Sweep.Unit, units: Range<Int>) -> Sweep {
    var roots: [Int] = []
    func output(_ node: Int) -> Int {
      if let place = roots.firstIndex(of: node) { return place }
      roots.append(node)
      return roots.count - 1
    }
    let reducers: [(reducer: Sweep.Reducer, statistic: Int)] = measures.map { statistic, measure in
      let outputs = graph.statistics[statistic].operands.map(output)
      switch measure {
      case .sum:
        if case .maximum = graph.statistics[statistic].kind { return (.maximum(outputs[0]), statistic) }
        return (outputs.count == 1 ? .sum(outputs[0]) : .dot(outputs[0], outputs[1]), statistic)
      case .keys(let round): return (.keys(outputs[0], round), statistic)
      case .locate(let key, let ordinal, _): return (.locate(outputs[0], key: key, ordinal: ordinal), statistic)
      case .sample:
        if case .order = graph.statistics[statistic].kind { return (.sample(outputs[0], isSigned: true), statistic) }
        return (.sample(outputs[0], isSigned: false), statistic)
      }
    }
    return Sweep(
      unit: unit, bound: bind(graph.compile(roots: roots, planeSlots: frame.planeSlots)), reducers: reducers,
      elementCount: frame.elementCount,
      units: units)
  }

  // MARK: - Results

  private func settle(_ item: (reducer: Sweep.Reducer, statistic: Int), _ total: SweepTotal) {
    let (reducer, statistic) = item
    if let place = graph.statistics[statistic].model {
      var total = total
      if place.scale != 1 { total.values = total.values.map { $0 * place.scale } }
      contributed.append((place.key, total))
      return
    }
    switch reducer {
    case .sum, .dot, .maximum: resolve(statistic, .numbers(total.values))
    case .sample where frame.elementCount < Sampling.leastElements:
      resolve(statistic, gathered(statistic, total.sample))
    case .sample: selectors[statistic] = selector(statistic, sample: total.sample)
    case .keys:
      // What was a guess until now is known.
      if let count = count(statistic, sample: []) { selectors[statistic]?.count = count }
      selectors[statistic]?.absorb(bins: total.bins, above: total.above, equal: total.equal)
    case .locate: selectors[statistic]?.absorb(cut: total.place ?? .max)
    }
    if let selector = selectors[statistic], selector.step == .done {
      resolve(statistic, StatisticResult(selector, of: graph.statistics[statistic].kind, frame.precision))
    }
  }

  /// The result of a search among keys that have all been gathered.
  private func gathered(_ statistic: Int, _ keys: [UInt64]) -> StatisticResult {
    switch graph.statistics[statistic].kind {
    case .selection(_, let quota): return .selection(Selection(of: keys, quota))
    case .order(_, let rank):
      return .numbers([frame.precision.number(signedKey: keys.select(rank: max(0, min(rank, keys.count - 1))))])
    case .sum, .dot, .maximum: return .numbers([0])
    }
  }

  private func resolve(_ statistic: Int, _ result: StatisticResult) {
    results[statistic] = result
    pending.remove(statistic)
    selectors[statistic] = nil
  }

  /// An empty tensor needs no sweep: its sums are zero, and its selections keep nothing.
  private func settleEmpty() {
    for statistic in pending {
      if case .selection = graph.statistics[statistic].kind {
        results[statistic] = .selection(.none)
      } else {
        results[statistic] = .numbers([0])
      }
    }
    pending = []
    contributions = []
  }

  /// How many elements a search looks for from the largest down; guessed from a sample where it is not yet known.
  private func count(_ statistic: Int, sample: [UInt64]) -> Int? {
    switch graph.statistics[statistic].kind {
    case .order(_, let rank): return frame.elementCount - rank
    case .selection(_, let quota):
      switch quota.count {
      case .fixed(let count): return count
      case .share(let share, let zeros):
        if case .numbers(let values)? = results[zeros], let zeros = values.first {
          return Int(share * (Double(frame.elementCount) - zeros))
        }
        guard !sample.isEmpty else { return nil }
        let others = Double(sample.count { $0 > 0 }) / Double(sample.count)
        return max(1, Int(share * others * Double(frame.elementCount)))
      }
    case .sum, .dot, .maximum: return nil
    }
  }

  private func selector(_ statistic: Int, sample: [UInt64]) -> Selector? {
    var quota = Quota(count: .fixed(0), rule: .threshold)
    var isSigned = true
    if case .selection(_, let given) = graph.statistics[statistic].kind { (quota, isSigned) = (given, false) }
    return Selector(
      count: count(statistic, sample: sample) ?? frame.elementCount, of: frame.elementCount, rule: quota.rule,
      keyBits: frame.precision.keyBits, isSigned: isSigned, keepsLastTies: quota.keepsLastTies,
      binBits: largestBinBits, probeCount: Sampling.probes(chunks: frame.elementCount / Sweep.chunkLength + 1),
      sample: sample, runLength: sampleRunLength)
  }

  /// Elements of a run of the sample; of a small tensor at most an eighth is sampled.
  private var sampleRunLength: Int { min(Sampling.longestRun, frame.elementCount / (8 * Sampling.runs)) }

  private var largestBinBits: Int {
    Sampling.binBits(selections: pending.count { graph.statistics[$0].isSearched }, of: frame.searchBits)
  }

  /// Gives a program the values that it reads.
  private func bind(_ program: Program) -> BoundProgram {
    BoundProgram(
      program, over: frame, scalars: program.scalars.map { number($0) }, vectors: program.vectors.map(values(of:)),
      selections: program.selections.map { statistic in
        if case .selection(let selection)? = results[statistic] { return selection }
        return Selection(threshold: 1, cut: .max)
      },
      rankings: program.rankings.map { BoundProgram.Ranking(bound: bind($0.program), slices: $0.slices) })
  }

  private func number(_ node: Int) -> Double { values(of: node).first ?? 0 }

  /// The numbers of a node that is not made of elements, in Double.
  private func values(of node: Int) -> [Double] {
    if let known = numbers[node] { return known }
    let found: [Double]
    switch graph.operations[node] {
    case .constant(let bits): found = [Double(bitPattern: bits)]
    case .columns(let numbers): found = numbers
    case .statistic(let statistic):
      if case .numbers(let values)? = results[statistic] { found = values } else { found = [0] }
    case .unary(let operation, let a): found = values(of: a).map(operation.apply)
    case .binary(let operation, let a, let b): found = Self.combine(values(of: a), values(of: b), operation.apply)
    case .restored(let base, let delta): found = Self.combine(values(of: base), values(of: delta), +)
    case .select(let mask, let a, let b):
      let mask = values(of: mask)
      let (first, second) = (values(of: a), values(of: b))
      let count = max(mask.count, first.count, second.count)
      found = (0..<count).map {
        mask[mask.count == 1 ? 0 : $0] != 0 ? first[first.count == 1 ? 0 : $0] : second[second.count == 1 ? 0 : $0]
      }
    case .formula(let formula, let inputs, let output):
      found = outputs(of: formula, inputs).map { $0.indices.contains(output) ? $0[output] : 0 }
    case .ranks(let a):
      let numbers = values(of: a)
      var ranks = [Double](repeating: 0, count: numbers.count)
      for (rank, place) in numbers.indices.sorted(by: { (numbers[$0], $0) < (numbers[$1], $1) }).enumerated() {
        ranks[place] = Double(rank)
      }
      found = ranks
    case .input, .trim, .drop, .ranked, .random, .electedSum: found = [0]
    }
    numbers[node] = found
    return found
  }

  /// What a formula makes of its inputs: of their only values, or of each row's or column's.
  private func outputs(of formula: Formula, _ inputs: [Int]) -> [[Double]] {
    let call = FormulaCall(formula: formula, inputs: inputs)
    if let known = outputs[call] { return known }
    let values = inputs.map(values(of:))
    let found = (0..<(values.map(\.count).max() ?? 1)).map { place -> [Double] in
      do throws(MethodError) {
        return try formula(values.map { $0[$0.count == 1 ? 0 : place] })
      } catch {
        failure = failure ?? FormulaFailure(node: formula.node, message: error.description)
        return []
      }
    }
    outputs[call] = found
    return found
  }

  private static func combine(_ a: [Double], _ b: [Double], _ operation: (Double, Double) -> Double) -> [Double] {
    (0..<max(a.count, b.count)).map { operation(a[a.count == 1 ? 0 : $0], b[b.count == 1 ? 0 : $0]) }
  }
}

/// A formula with what it is applied to.
private struct FormulaCall: Hashable {
  let formula: Formula
  let inputs: [Int]
}

/// What a sweep measures for one statistic.
enum Measure {
  case sum
  case keys(Selector.Round)
  case locate(key: UInt64, ordinal: Int, chunk: Int? = nil)
  case sample

  init(_ round: ModelRound) {
    switch round {
    case .count(let round): self = .keys(round)
    case .locate(let chunk, let ordinal, let key): self = .locate(key: key, ordinal: ordinal, chunk: chunk)
    case .sample: self = .sample
    }
  }

  /// The one chunk that a model-scope search wants of this tensor.
  var chunk: Int? {
    if case .locate(_, _, let chunk) = self { return chunk }
    return nil
  }
}

extension ModelRound {
  /// How far apart the runs of a sample begin.
  fileprivate var stride: Int? {
    if case .sample(let stride) = self { stride } else { nil }
  }
}

extension Precision {
  /// Bits of a magnitude key.
  var keyBits: Int { self == .single ? 31 : 63 }

  /// The number whose sign and magnitude a key has.
  func number(signedKey: UInt64) -> Double {
    self == .single ? Double(Float(signedKey: signedKey)) : Double(signedKey: signedKey)
  }
}
