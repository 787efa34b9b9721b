import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// How the keys of a test are distributed.
enum KeyKind: String, CaseIterable, Sendable {
  case equal, twoValues, zeros, mostlyZero, denormal, uniform, normal, coarse, sorted, reversed, extremes

  func values(_ count: Int, _ random: inout SplitMix64) -> [Double] {
    let tiny = Double(Float.leastNonzeroMagnitude)
    let values = (0..<count).map { place in
      switch self {
      case .equal: 0.75
      case .twoValues: random.next() % 3 == 0 ? 1.5 : -0.5
      case .zeros: random.next() % 2 == 0 ? 0 : -0.0
      case .mostlyZero: random.next() % 10 == 0 ? random.signed() : 0
      case .denormal: tiny * Double(random.int(-9..<10))
      case .uniform, .sorted, .reversed: Double(Float(random.signed()))
      case .normal: Double(Float(random.signed() * random.signed() * random.signed()))
      case .coarse: Double(random.int(-12..<13)) / 4096
      case .extremes: random.pick([Double(Float.greatestFiniteMagnitude), tiny, -1, 0, 1e30, -1e-30])
      }
    }
    switch self {
    case .sorted: return values.sorted { abs($0) < abs($1) }
    case .reversed: return values.sorted { abs($0) > abs($1) }
    default: return values
    }
  }
}

@Suite struct SelectorTests {
  private static let chunk = 16

  /// Runs a selector over keys as a sweep would; gives its result and how many times the keys were read.
  private func run(_ selector: Selector, _ keys: [UInt64]) -> (selection: Selection, reads: Int) {
    var selector = selector
    var reads = 0
    while reads < 100 {
      switch selector.step {
      case .done: return (selector.result, reads)
      case .locate(let chunk, let ordinal, let key):
        let start = chunk * Self.chunk
        let places = keys[start..<min(start + Self.chunk, keys.count)].indices.filter { keys[$0] == key }
        selector.absorb(cut: places.indices.contains(ordinal - 1) ? places[ordinal - 1] : -1)
      case .count(let round):
        var bins = [UInt64](repeating: 0, count: round.binCount)
        let probes = round.probes
        var equal = [UInt32](repeating: 0, count: (keys.count + Self.chunk - 1) / Self.chunk * probes.count)
        var above = 0
        for (place, key) in keys.enumerated() {
          if let probe = probes.firstIndex(of: key) { equal[place / Self.chunk * probes.count + probe] += 1 }
          if key >= round.upper {
            above += 1
          } else if key >= round.lower {
            bins[Int((key - round.lower) >> UInt64(round.shift))] += 1
          }
        }
        selector.absorb(bins: bins, above: above, equal: equal)
      }
      reads += 1
    }
    return (selector.result, reads)
  }

  private func check<Element: KernelElement>(_ kind: KeyKind, _: Element.Type, count: Int) {
    var random = SplitMix64(seed: 21)
    let values = kind.values(count, &random)
    let keys = values.map { Element($0).key }
    let rounded = values.map { Double(Element($0)) }
    let sorted = keys.sorted(by: >)
    // A fair sample, and two that lead astray; all long enough for a guess.
    let samples = [
      [], (0..<128).map { _ in keys[random.int(0..<count)] }, [UInt64](repeating: 0, count: 64),
      [UInt64](repeating: Element(1e30).key, count: 64),
    ]
    let rank = keys.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.map(\.offset)
    /// The elements that a selection keeps.
    func kept(_ selection: Selection) -> [Int] {
      keys.indices.filter {
        keys[$0] > selection.threshold
          || (keys[$0] == selection.threshold && ($0 <= selection.cut) != selection.keepsAfter)
      }
    }
    for k in 1...count {
      for rule in SelectionRule.allCases {
        let keeps = ReferenceStatistics.keeps(rounded, count: k, exactly: rule == .exactK)
        let gathered = Selection(of: keys, Quota(count: .fixed(k), rule: rule))
        #expect(kept(gathered) == keeps.indices.filter { keeps[$0] }, "\(kind) k \(k) \(rule), gathered")
      }
      // Of ties the last: as if the order of elements were the other way round.
      let reversed = ReferenceStatistics.keeps(rounded.reversed(), count: k, exactly: true)
      let last = reversed.indices.filter { reversed[$0] }.map { count - 1 - $0 }.sorted()
      let gathered = Selection(of: keys, Quota(count: .fixed(k), keepsLastTies: true))
      #expect(kept(gathered) == last, "\(kind) k \(k) of the last, gathered")
      for (number, sample) in samples.enumerated() {
        let selector = Selector(
          count: k, of: count, rule: .exactK, keyBits: Element.keyBits, keepsLastTies: true, binBits: 8,
          probeCount: 1 + k % 5, sample: sample, runLength: 16)
        #expect(kept(run(selector, keys).selection) == last, "\(kind) k \(k) of the last, sample \(number)")
        checkOrder(values, Element.self, k: k, sample: sample)
        for rule in SelectionRule.allCases {
          let binBits = [4, 8, 11][(k + number) % 3]
          let selector = Selector(
            count: k, of: count, rule: rule, keyBits: Element.keyBits, binBits: binBits, probeCount: 1 + k % 5,
            sample: sample, runLength: 16)
          let (selection, reads) = run(selector, keys)
          let least = sorted[k - 1]
          // Zeros are never kept, so neither threshold nor cut matter below the smallest key that is one.
          #expect(selection.threshold == max(1, least), "\(kind) k \(k) \(rule) sample \(number)")
          let expected =
            rule == .exactK
            ? rank.prefix(k).filter { keys[$0] > 0 }.sorted() : keys.indices.filter { keys[$0] >= max(1, least) }
          #expect(kept(selection) == expected, "\(kind) k \(k) \(rule) sample \(number)")
          #expect(reads <= (Element.keyBits + binBits - 1) / binBits + 4, "\(kind) k \(k) \(rule) sample \(number)")
        }
      }
    }
  }

  /// Searches the k-th largest signed number.
  private func checkOrder<Element: KernelElement>(_ values: [Double], _: Element.Type, k: Int, sample: [UInt64]) {
    let keys = values.map { Element($0).signedKey }
    let selector = Selector(
      count: k, of: keys.count, rule: .threshold, keyBits: Element.keyBits, isSigned: true, binBits: 7 + k % 5,
      sample: sample, runLength: 16)
    var searcher = selector
    while case .count(let round) = searcher.step {
      var bins = [UInt64](repeating: 0, count: round.binCount)
      for key in keys where key >= round.lower && key < round.upper {
        bins[Int((key - round.lower) >> UInt64(round.shift))] += 1
      }
      searcher.absorb(bins: bins, above: keys.count { $0 >= round.upper }, equal: [])
    }
    #expect(searcher.key == keys.sorted(by: >)[k - 1])
  }

  @Test func `Where many elements share few keys, one count tells how many ties each chunk keeps`() {
    var random = SplitMix64(seed: 5)
    let keys = (0..<4000).map { _ in UInt64(100 + random.int(0..<40)) }
    for k in [400, 800, 2000, 3200] {
      let selector = Selector(
        count: k, of: keys.count, rule: .exactK, keyBits: 31, binBits: 11, probeCount: 64,
        sample: (0..<1024).map { _ in keys[random.int(0..<keys.count)] }, runLength: 16)
      let (selection, reads) = run(selector, keys)
      let threshold = keys.sorted(by: >)[k - 1]
      let ties = keys.indices.filter { keys[$0] == threshold }
      let left = k - keys.count { $0 > threshold }
      #expect(selection.threshold == threshold && selection.cut == (left == ties.count ? .max : ties[left - 1]))
      // The count, and a look into the one chunk in which the last tie is that is kept.
      #expect(reads <= 2)
    }
  }

  @Test(arguments: KeyKind.allCases)
  func `A selection finds what a sort finds, for every count`(kind: KeyKind) {
    check(kind, Float.self, count: 50)
    check(kind, Double.self, count: 30)
  }

  @Test(arguments: SelectionRule.allCases)
  func `A stream shorter than the count keeps all`(rule: SelectionRule) {
    for keys: [UInt64] in [[], [5], [5, 0, 7]] {
      let selector = Selector(count: 10, of: 12, rule: rule, keyBits: 31, binBits: 8)
      #expect(run(selector, keys).selection == Selection(threshold: 1, cut: .max))
    }
  }

  // MARK: - Through the engine, with a sample

  /// Trims a large tensor of F32 and compares with a sort of its keys.
  private func trimLarge(_ values: [Float], count: Int, rule: SelectionRule, keepsLast: Bool = false) throws {
    let shape = try #require(Shape([values.count]))
    let graph = ExpressionGraph()
    let input = graph.input(0)
    let statistic = graph.insert(
      Statistic(
        kind: .selection(input.index, Quota(count: .fixed(count), rule: rule, keepsLastTies: keepsLast)),
        scope: .tensor, model: nil))
    let root = Value(graph: graph, index: graph.insert(.trim(input.index, statistic: statistic)))
    let computation = Computation(
      applying: root, over: TensorFrame(shape: shape, dtypes: [.f32], checksFinite: true))
    let machine = TileMachine(tileLength: 1 << 16)
    var result = [Float](repeating: .nan, count: values.count)
    var sweeps = 0
    try values.withUnsafeBytes { bytes in
      let windows = try [InputWindow(address: #require(bytes.baseAddress), first: 0)]
      while let sweep = computation.nextSweep() {
        var state = SweepState(sweep, units: sweep.units)
        try machine.sweep(&state, to: .max, inputs: windows)
        computation.absorb(state.finish())
        computation.finishSweep()
        sweeps += 1
      }
      let application = computation.application()
      try result.withUnsafeMutableBytes { target in
        try machine.apply(
          application, to: 0..<values.count, inputs: windows, into: #require(target.baseAddress), as: .f32)
      }
    }
    let least = values.map(\.magnitude.bitPattern).sorted()[values.count - count]
    var left = rule == .threshold ? values.count : count - values.count { $0.magnitude.bitPattern > least }
    var wrong = 0
    let places = keepsLast ? Array(values.indices.reversed()) : Array(values.indices)
    for place in places {
      let value = values[place]
      let key = value.magnitude.bitPattern
      var keeps = key > least
      if key == least, left > 0 {
        keeps = true
        left -= 1
      }
      if result[place].bitPattern != (keeps && key > 0 ? value : 0).bitPattern { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(sweeps <= 6)
  }

  private static let length = 1 << 20 + 37

  @Test(arguments: SelectionRule.allCases)
  func `A large tensor of bf16 numbers is trimmed exactly`(rule: SelectionRule) throws {
    var random = SplitMix64(seed: 5)
    let values = (0..<Self.length).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x81FF_0000 | 0x3C00_0000)
    }
    try trimLarge(values, count: Self.length / 5, rule: rule)
  }

  @Test(arguments: [1, 524_288, length])
  func `A large sorted tensor is trimmed exactly`(count: Int) throws {
    let values = (0..<UInt32(Self.length)).map { Float(bitPattern: 0x3F00_0000 + $0 * 7) }
    try trimLarge(values, count: count, rule: .exactK)
  }

  @Test(arguments: [10, 200_000])
  func `A large tensor whose sample misses the point is trimmed exactly`(count: Int) throws {
    // The sample sees the first 1024 of every 8192 elements, and they are nothing like the others.
    var random = SplitMix64(seed: 6)
    let stride = Self.length / 128
    let values = (0..<Self.length).map { place -> Float in
      let bits = UInt32(truncatingIfNeeded: random.next()) & 0x007F_FFFF | 0x3F80_0000
      return place % stride < 1024 ? Float(1e-30) : Float(bitPattern: bits)
    }
    try trimLarge(values, count: count, rule: .exactK)
  }

  @Test(arguments: [65_536, 65_537, 200_000], [1, 30_000, 65_536])
  func `A tensor of a few chunks is trimmed exactly`(length: Int, count: Int) throws {
    var random = SplitMix64(seed: 7)
    let values = (0..<length).map { _ in Float(random.int(-500..<501)) }
    for rule in SelectionRule.allCases { try trimLarge(values, count: count, rule: rule) }
  }

  @Test(arguments: SelectionRule.allCases)
  func `A large tensor of ties is cut at the right place`(rule: SelectionRule) throws {
    let values = (0..<Self.length).map { Float($0 % 3 == 0 ? 0 : $0 % 2 == 0 ? 1 : -1) }
    try trimLarge(values, count: 300_001, rule: rule)
    try trimLarge(values, count: 300_001, rule: rule, keepsLast: true)
  }
}
