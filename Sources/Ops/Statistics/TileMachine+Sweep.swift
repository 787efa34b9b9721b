/// The state of a worker in the middle of a sweep.
public struct SweepState: ~Copyable {
  let sweep: Sweep
  let units: Range<Int>
  private(set) var unit: Int
  /// The element at which the next tile begins.
  private(set) var next: Int
  private var lanes: [[Double]]
  private var rowTotals: [Double]
  private(set) var partial: SweepPartial

  public init(_ sweep: Sweep, units: Range<Int>) {
    self.sweep = sweep
    self.units = units
    unit = units.lowerBound
    next = sweep.elements(of: unit).lowerBound
    var width = 16
    if case .panel = sweep.unit { width = sweep.bound.columnCount }
    lanes = Array(repeating: [], count: sweep.reducers.count)
    rowTotals = sweep.reducers.map(\.reducer.start)
    partial = SweepPartial(units: units, findings: Array(repeating: .init(), count: sweep.reducers.count))
    for (place, item) in sweep.reducers.enumerated() {
      switch item.reducer {
      case .sum, .dot, .maximum: lanes[place] = Array(repeating: item.reducer.start, count: width)
      case .keys(_, let round): partial.findings[place].bins = Array(repeating: 0, count: round.binCount)
      case .locate, .sample: break
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
    for (place, item) in sweep.reducers.enumerated() {
      func tile(_ output: Int) -> UnsafeMutablePointer<Element> {
        unsafe machine.register(sweep.bound.program.outputs[output], as: Element.self)
      }
      switch (item.reducer, sweep.unit) {
      case (.sum(let a), .panel):
        // SAFETY: `lanes` has one sum per column.
        unsafe lanes[place].withUnsafeMutableBufferPointer { sums in
          guard let start = sums.baseAddress else { return }
          unsafe Element.columnSum(start, tile(a), inside % sums.count, sums.count, count)
        }
      case (.dot(let a, let b), .panel):
        unsafe lanes[place].withUnsafeMutableBufferPointer { sums in
          guard let start = sums.baseAddress else { return }
          unsafe Element.columnDot(start, tile(a), tile(b), inside % sums.count, sums.count, count)
        }
      case (.sum(let a), _):
        // SAFETY: there are 16 lanes.
        unsafe lanes[place].withUnsafeMutableBufferPointer { lanes in
          guard let start = lanes.baseAddress else { return }
          unsafe Element.sum(start, tile(a), inside % 16, count)
        }
      case (.dot(let a, let b), _):
        unsafe lanes[place].withUnsafeMutableBufferPointer { lanes in
          guard let start = lanes.baseAddress else { return }
          unsafe Element.dot(start, tile(a), tile(b), inside % 16, count)
        }
      case (.maximum(let a), _):
        unsafe lanes[place].withUnsafeMutableBufferPointer { lanes in
          guard let start = lanes.baseAddress else { return }
          unsafe Element.max(start, tile(a), inside % 16, count)
        }
      case (.keys(let a, let round), _): unsafe countKeys(place, tile(a), round, count, isFirst: inside == 0)
      case (.locate(let a, let key, let ordinal), _):
        var left = ordinal - Int(rowTotals[place])
        for offset in 0..<count where unsafe tile(a)[offset].key == key {
          left -= 1
          rowTotals[place] += 1
          if left == 0 { partial.findings[place].place = next + offset }
        }
      case (.sample(let a, let isSigned), _):
        let values = unsafe UnsafeBufferPointer(start: tile(a), count: count)
        unsafe partial.findings[place].sample += isSigned ? values.map(\.signedKey) : values.map(\.key)
      }
    }
    advance(by: count, range)
  }

  private mutating func countKeys<Element: KernelElement>(
    _ place: Int, _ tile: UnsafeMutablePointer<Element>, _ round: Selector.Round, _ count: Int, isFirst: Bool
  ) {
    var above: UInt64 = 0
    var equal: UInt64 = 0
    // SAFETY: a key in the round's interval, shifted, is below its number of bins.
    unsafe partial.findings[place].bins.withUnsafeMutableBufferPointer { bins in
      var none: UInt32 = 0
      unsafe withUnsafeMutablePointer(to: &none) { none in
        unsafe Element.countKeys(tile, count, round, bins.baseAddress ?? none, &above, &equal)
      }
    }
    partial.findings[place].above += Int(above)
    if isFirst { partial.findings[place].equal.append(0) }
    partial.findings[place].equal[partial.findings[place].equal.count - 1] += UInt32(equal)
  }

  private mutating func advance(by count: Int, _ range: Range<Int>) {
    next += count
    let isUnitDone = next == range.upperBound
    if isUnitDone || (sweep.unit == .row && (next - range.lowerBound) % Sweep.chunkLength == 0) {
      fold(isUnitDone: isUnitDone)
    }
    guard isUnitDone else { return }
    unit += 1
    if unit < units.upperBound { next = sweep.elements(of: unit).lowerBound }
  }

  /// Folds the lanes through a fixed tree at the end of a chunk, and hands a unit's sum in at its end.
  private mutating func fold(isUnitDone: Bool) {
    for place in lanes.indices where !lanes[place].isEmpty {
      let reducer = sweep.reducers[place].reducer
      if case .panel = sweep.unit {
        partial.findings[place].values += lanes[place]
      } else {
        var width = 8
        while width > 0 {
          for lane in 0..<width {
            lanes[place][lane] = reducer.combine(lanes[place][lane], lanes[place][lane + width])
          }
          width /= 2
        }
        rowTotals[place] = reducer.combine(rowTotals[place], lanes[place][0])
        if isUnitDone {
          partial.findings[place].values.append(rowTotals[place])
          rowTotals[place] = reducer.start
        }
      }
      for lane in lanes[place].indices { lanes[place][lane] = reducer.start }
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
