/// The state of a worker in the middle of a sweep.
public struct SweepState: ~Copyable {
  let sweep: Sweep
  let units: Range<Int>
  private(set) var unit: Int
  /// The element at which the next tile begins.
  private(set) var next: Int
  /// The lanes of all reducers that sum.
  private var lanes: [Double]
  /// How many lanes a reducer has: 16, or one per column.
  private let width: Int
  private let firstLanes: [Int]
  private let steps: [ReducerStep]
  private var rowTotals: [Double]
  /// The bins of each reducer's probes, and what earlier units had of them.
  private var probed: [[(bin: Int, told: UInt32)]]
  private(set) var partial: SweepPartial

  public init(_ sweep: Sweep, units: Range<Int>) {
    self.sweep = sweep
    self.units = units
    unit = units.lowerBound
    next = sweep.elements(of: unit).lowerBound
    if case .panel = sweep.unit { width = sweep.bound.columnCount } else { width = 16 }
    steps = ReducerStep.steps(of: sweep)
    lanes = sweep.reducers.flatMap { [width] in Array(repeating: $0.reducer.start, count: $0.reducer.isSum ? width : 0)
    }
    var place = 0
    firstLanes = sweep.reducers.map { [width] item in
      defer { place += item.reducer.isSum ? width : 0 }
      return place
    }
    rowTotals = sweep.reducers.map(\.reducer.start)
    probed = Array(repeating: [], count: sweep.reducers.count)
    partial = SweepPartial(units: units, findings: Array(repeating: .init(), count: sweep.reducers.count))
    for (place, item) in sweep.reducers.enumerated() {
      switch item.reducer {
      case .keys(_, let round):
        partial.findings[place].bins = Array(repeating: 0, count: round.binCount)
        probed[place] = round.probedBins.map { (bin: $0, told: 0) }
      case .sample:
        partial.findings[place].sample.reserveCapacity(units.reduce(0) { $0 + sweep.elements(of: $1).count })
      case .sum, .dot, .maximum, .locate: break
      }
    }
  }

  /// Ends the sweep of these units.
  public consuming func finish() -> SweepPartial { partial }

  /// Elements of the current unit's current chunk that are left, at most `limit`.
  fileprivate func tileLength(limit: Int) -> Int {
    let range = sweep.elements(of: unit)
    let inside = next - range.lowerBound
    var end = range.upperBound
    if sweep.unit == .row { end = min(end, range.lowerBound + (inside / Sweep.chunkLength + 1) * Sweep.chunkLength) }
    return min(limit, end - next)
  }

  /// Takes in the tile of `count` elements at `next`, which lies in the machine's registers.
  fileprivate mutating func absorb<Element: KernelElement>(_ machine: TileMachine, _ count: Int, _: Element.Type) {
    let range = sweep.elements(of: unit)
    let inside = next - range.lowerBound
    for step in steps {
      switch step {
      case .reduce(let place): reduce(place, machine, inside, count, Element.self)
      case .products(let aa, let ab, let bb, let a, let b):
        // SAFETY: each of the three has 16 lanes of its own.
        unsafe lanes.withUnsafeMutableBufferPointer { [firstLanes] lanes in
          guard let start = lanes.baseAddress else { return }
          unsafe Element.products(
            start + firstLanes[aa], start + firstLanes[ab], start + firstLanes[bb],
            machine.output(a, of: sweep.bound), machine.output(b, of: sweep.bound), inside % 16, count)
        }
      }
    }
    advance(by: count, range)
  }

  /// Takes a tile into one reducer.
  private mutating func reduce<Element: KernelElement>(
    _ place: Int, _ machine: TileMachine, _ inside: Int, _ count: Int, _: Element.Type
  ) {
    func tile(_ output: Int) -> UnsafeMutablePointer<Element> { unsafe machine.output(output, of: sweep.bound) }
    var isPanel = false
    if case .panel = sweep.unit { isPanel = true }
    let reducer = sweep.reducers[place].reducer
    switch reducer {
    case .sum, .dot, .maximum:
      // SAFETY: the reducer has `width` lanes, one per column of a panel.
      unsafe lanes.withUnsafeMutableBufferPointer { [first = firstLanes[place], width] lanes in
        guard let start = lanes.baseAddress else { return }
        let lanes = unsafe start + first
        switch reducer {
        case .sum(let a) where isPanel: unsafe Element.columnSum(lanes, tile(a), inside % width, width, count)
        case .dot(let a, let b) where isPanel:
          unsafe Element.columnDot(lanes, tile(a), tile(b), inside % width, width, count)
        case .sum(let a): unsafe Element.sum(lanes, tile(a), inside % 16, count)
        case .dot(let a, let b): unsafe Element.dot(lanes, tile(a), tile(b), inside % 16, count)
        case .maximum(let a): unsafe Element.max(lanes, tile(a), inside % 16, count)
        case .keys, .locate, .sample: break
        }
      }
    case .keys(let a, let round): unsafe countKeys(place, tile(a), round, count)
    case .locate(let a, let key, let ordinal):
      var left = ordinal - Int(rowTotals[place])
      for offset in 0..<count where unsafe tile(a)[offset].key == key {
        left -= 1
        rowTotals[place] += 1
        if left == 0 { partial.findings[place].place = next + offset }
      }
    case .sample(let a, let isSigned):
      let values = unsafe UnsafeBufferPointer(start: tile(a), count: count)
      let known = partial.findings[place].sample.count
      partial.findings[place].sample += repeatElement(0, count: count)
      // SAFETY: room for the tile's keys was just made.
      unsafe partial.findings[place].sample.withUnsafeMutableBufferPointer { keys in
        for offset in 0..<count {
          unsafe keys[known + offset] = isSigned ? values[offset].signedKey : values[offset].key
        }
      }
    }
  }

  private mutating func countKeys<Element: KernelElement>(
    _ place: Int, _ tile: UnsafeMutablePointer<Element>, _ round: Selector.Round, _ count: Int
  ) {
    var above: UInt64 = 0
    // SAFETY: a key in the round's interval, shifted, is below its number of bins.
    unsafe partial.findings[place].bins.withUnsafeMutableBufferPointer { bins in
      var none: UInt32 = 0
      unsafe withUnsafeMutablePointer(to: &none) { none in
        unsafe Element.countKeys(tile, count, round, bins.baseAddress ?? none, &above)
      }
    }
    partial.findings[place].above += Int(above)
  }

  /// Tells, at a unit's end, how many of each probe its bin has gained.
  private mutating func tellProbes() {
    for place in probed.indices where !probed[place].isEmpty {
      for probe in probed[place].indices {
        let number = partial.findings[place].bins[probed[place][probe].bin]
        partial.findings[place].equal.append(number - probed[place][probe].told)
        probed[place][probe].told = number
      }
    }
  }

  private mutating func advance(by count: Int, _ range: Range<Int>) {
    next += count
    let isUnitDone = next == range.upperBound
    if isUnitDone || (sweep.unit == .row && (next - range.lowerBound) % Sweep.chunkLength == 0) {
      fold(isUnitDone: isUnitDone)
    }
    guard isUnitDone else { return }
    tellProbes()
    unit += 1
    if unit < units.upperBound { next = sweep.elements(of: unit).lowerBound }
  }

  /// Folds the lanes through a fixed tree at the end of a chunk, and hands a unit's sum in at its end.
  private mutating func fold(isUnitDone: Bool) {
    for (place, item) in sweep.reducers.enumerated() where item.reducer.isSum {
      let reducer = item.reducer
      let first = firstLanes[place]
      if case .panel = sweep.unit {
        partial.findings[place].values += lanes[first..<first + width]
      } else {
        var half = 8
        while half > 0 {
          for lane in first..<first + half { lanes[lane] = reducer.combine(lanes[lane], lanes[lane + half]) }
          half /= 2
        }
        rowTotals[place] = reducer.combine(rowTotals[place], lanes[first])
        if isUnitDone {
          partial.findings[place].values.append(rowTotals[place])
          rowTotals[place] = reducer.start
        }
      }
      for lane in first..<first + width { lanes[lane] = reducer.start }
    }
  }
}

extension TileMachine {
  /// Sweeps the elements from the state's place to `end`, or to the end of its units.
  ///
  /// - Parameter inputs: windows by operand slot that cover those elements.
  /// - Throws: ``NonFinite`` where an operand holds a NaN or an infinity and the sweep checks.
  public func sweep(_ state: inout SweepState, to end: Int, inputs: [InputWindow]) throws(NonFinite) {
    let bound = state.sweep.bound
    while state.unit < state.units.upperBound, state.next < end {
      let count = min(state.tileLength(limit: tileLength), end - state.next)
      try unsafe run(bound, first: state.next, count: count, inputs: inputs)
      switch bound.precision {
      case .single: state.absorb(self, count, Float.self)
      case .double: state.absorb(self, count, Double.self)
      }
    }
  }
}
