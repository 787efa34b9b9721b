import TestSupport
import Testing

@testable import WeirOps

@Suite struct ElementwiseTests {
  private static let special: [Double] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e-42, -1e-42, 1e38, -1e38, 3, 0.1, 1e300, .leastNonzeroMagnitude,
  ]

  private func numbers<Element: KernelElement>(_ count: Int, _ random: inout SplitMix64) -> [Element] {
    (0..<count).map { _ in
      random.next() % 3 == 0 ? Element(random.pick(Self.special)) : Element(random.signed() * 4)
    }
  }

  private func isSame<Element: KernelElement>(_ a: [Element], _ b: [Element]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy { ($0.isNaN && $1.isNaN) || ($0 == $1 && $0.sign == $1.sign) }
  }

  /// Runs a kernel out of place and in the place of each operand; gives the results.
  private func results<Element: KernelElement>(
    _ operands: [[Element]],
    _ kernel: (UnsafeMutablePointer<Element>, [UnsafeMutablePointer<Element>], Int) -> Void
  ) -> [[Element]] {
    let count = operands[0].count
    return (-1..<operands.count).map { place in
      // A guard element on either side shows writes that go too far.
      let tiles = (0...operands.count).map { number in
        let tile = UnsafeMutablePointer<Element>.allocate(capacity: count + 2)
        tile.initialize(repeating: -77, count: count + 2)
        if number < operands.count { for index in 0..<count { tile[index + 1] = operands[number][index] } }
        return tile
      }
      defer { for tile in tiles { tile.deallocate() } }
      let into = place < 0 ? tiles[operands.count] : tiles[place]
      kernel(into + 1, tiles.dropLast().map { $0 + 1 }, count)
      for tile in tiles { #expect(tile[0] == -77 && tile[count + 1] == -77) }
      for number in operands.indices where number != place {
        #expect(isSame((0..<count).map { tiles[number][$0 + 1] }, operands[number]), "an operand was changed")
      }
      return (0..<count).map { into[$0 + 1] }
    }
  }

  private func apply<Element: KernelElement>(_ operation: Operation.Binary, _ a: Element, _ b: Element) -> Element {
    switch operation {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: b < a ? b : a
    case .maximum: b > a ? b : a
    case .greater: a > b ? 1 : 0
    case .atLeast: a >= b ? 1 : 0
    case .equal: a == b ? 1 : 0
    }
  }

  private static let binary: [Operation.Binary] = [
    .add, .subtract, .multiply, .divide, .minimum, .maximum, .greater, .atLeast, .equal,
  ]

  private func check<Element: KernelElement>(_: Element.Type) {
    var random = SplitMix64(seed: 12)
    for count in 0...70 {
      let (a, b, c): ([Element], [Element], [Element]) = (
        numbers(count, &random), numbers(count, &random), numbers(count, &random)
      )
      let s = Element(random.pick(Self.special + [2, 0.3]))
      func expect(_ found: [[Element]], _ expected: [Element], _ what: String) {
        for (place, found) in found.enumerated() {
          #expect(isSame(found, expected), "\(what) of \(count) \(Element.self), place \(place)")
        }
      }
      for operation in Self.binary {
        let code = operation.rawValue
        expect(
          results([a, b]) { Element.binary(code, $0, $1[0], $1[1], $2) }, zip(a, b).map { apply(operation, $0, $1) },
          "\(operation)")
        expect(
          results([a]) { Element.binaryRight(code, $0, $1[0], s, $2) }, a.map { apply(operation, $0, s) },
          "\(operation) right")
        expect(
          results([a]) { Element.binaryLeft(code, $0, s, $1[0], $2) }, a.map { apply(operation, s, $0) },
          "\(operation) left")
      }
      let unary: [(Operation.Unary, (Element) -> Element)] = [
        (.negate, { -$0 }), (.absolute, { $0.magnitude }), (.sign, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
        (.squareRoot, { $0.squareRoot() }), (.direction, { $0 >= 0 ? 1 : -1 }),
      ]
      for (operation, plain) in unary {
        expect(
          results([a]) { Element.unary(operation.rawValue, $0, $1[0], $2) }, a.map(plain), "\(operation)")
      }
      expect(
        results([a, b]) { Element.addScaled($0, $1[0], $1[1], s, $2) },
        zip(a, b).map {
          let product = $1 * s
          return $0 + product
        }, "addScaled")
      expect(
        results([a, b, c]) { Element.select($0, $1[0], $1[1], $1[2], $2) },
        (0..<count).map { a[$0] != 0 ? b[$0] : c[$0] }, "select")
      expect(
        results([a, b]) { Element.selectRight($0, $1[0], $1[1], s, $2) }, zip(a, b).map { $0 != 0 ? $1 : s },
        "select right")
      expect(
        results([a, b]) { Element.selectLeft($0, $1[0], s, $1[1], $2) }, zip(a, b).map { $0 != 0 ? s : $1 },
        "select left")
      expect(results([a]) { tile, _, count in Element.fill(tile, s, count) }, a.map { _ in s }, "fill")
      for least in [UInt64(1), Element(1).key, Element(1).key + 1, Element.infinity.key, .max] {
        expect(
          results([a]) { Element.trim($0, $1[0], least, $2) }, a.map { $0.key >= least ? $0 : 0 }, "trim \(least)")
      }
      let mask = RandomMask(seed: 9, tensor: "w", model: count, density: Double(count) / 70)
      let plain = ReferenceMask(seed: 9, name: "w", model: count)
      let first = count * 1_000_003
      expect(
        results([a]) { Element.drop($0, $1[0], mask, first, $2) },
        a.enumerated().map { plain.number(first + $0.offset) < Double(count) / 70 ? $0.element : 0 }, "drop")
    }
  }

  @Test func `Every kernel does to each element what its scalar form does, in place or not`() {
    check(Float.self)
    check(Double.self)
  }

  // MARK: - Reductions

  private func checkSums<Element: KernelElement>(_: Element.Type) throws {
    var random = SplitMix64(seed: 13)
    for count in 0...70 {
      var a: [Element] = (0..<count).map { _ in Element(random.signed() * Double(1 << random.int(0..<30))) }
      var b: [Element] = (0..<count).map { _ in Element(random.signed()) }
      // Pointers to nothing are not handed to kernels.
      (a, b) = (a + [0], b + [0])
      for phase in 0..<16 {
        let before = (0..<16).map { _ in random.signed() }
        var (sum, dot) = (before, before)
        var (expectedSum, expectedDot, expectedLargest) = (before, before, before)
        for index in 0..<count {
          expectedSum[(phase + index) % 16] += Double(a[index])
          expectedDot[(phase + index) % 16] += Double(a[index]) * Double(b[index])
        }
        Element.sum(&sum, &a, phase, count)
        Element.dot(&dot, &a, &b, phase, count)
        #expect(sum.map(\.bitPattern) == expectedSum.map(\.bitPattern), "sum of \(count) at \(phase)")
        var largest = before
        for index in 0..<count {
          let lane = (phase + index) % 16
          expectedLargest[lane] = Swift.max(expectedLargest[lane], Double(a[index]))
        }
        Element.max(&largest, &a, phase, count)
        #expect(largest == expectedLargest, "largest of \(count) at \(phase)")
        #expect(dot.map(\.bitPattern) == expectedDot.map(\.bitPattern), "dot of \(count) at \(phase)")
        var (aa, ab, bb, squareA, squareB) = (before, before, before, before, before)
        var (sameA, sameB) = (a, b)
        Element.products(&aa, &ab, &bb, &a, &b, phase, count)
        Element.dot(&squareA, &a, &sameA, phase, count)
        Element.dot(&squareB, &b, &sameB, phase, count)
        #expect([aa, ab, bb] == [squareA, dot, squareB], "products of \(count) at \(phase)")
      }
      for columns in [1, 2, 7, 16, 70, 100] {
        let column = random.int(0..<columns)
        let before = (0..<columns).map { _ in random.signed() }
        var (sum, dot) = (before, before)
        var (expectedSum, expectedDot) = (before, before)
        for index in 0..<count {
          expectedSum[(column + index) % columns] += Double(a[index])
          expectedDot[(column + index) % columns] += Double(a[index]) * Double(b[index])
        }
        Element.columnSum(&sum, &a, column, columns, count)
        Element.columnDot(&dot, &a, &b, column, columns, count)
        #expect(sum.map(\.bitPattern) == expectedSum.map(\.bitPattern), "column sum of \(count) in \(columns)")
        #expect(dot.map(\.bitPattern) == expectedDot.map(\.bitPattern), "column dot of \(count) in \(columns)")
      }
    }
  }

  @Test func `Sums run in 16 lanes, whatever the phase, and in columns`() throws {
    try checkSums(Float.self)
    try checkSums(Double.self)
  }

  private func checkCounts<Element: KernelElement>(_: Element.Type) {
    var random = SplitMix64(seed: 14)
    for (count, isSigned) in (0...70).flatMap({ [($0, false), ($0, true)] }) {
      var tile: [Element] = numbers(count, &random) + [0]
      func key(_ number: Element) -> UInt64 { isSigned ? number.signedKey : number.key }
      let keys = tile.prefix(count).map(key)
      let bits = Element.keyBits + (isSigned ? 1 : 0)
      let limit = isSigned ? UInt64.max >> UInt64(64 - bits) : 1 << UInt64(bits)
      let one = key(1)
      for (lower, upper, shift) in [
        (0, limit, bits - 11), (one, limit, bits - 8), (0, 1, 0), (one, one + 1, 0), (one, one, 0), (limit, limit, 0),
        (key(0.5), key(3), bits - 20),
      ] {
        let round = Selector.Round(lower: lower, upper: upper, shift: shift, isSigned: isSigned)
        var bins = [UInt32](repeating: 0, count: round.binCount + 1)
        var expected = bins
        var above: UInt64 = 5
        Element.countKeys(&tile, count, round, &bins, &above)
        for key in keys where key >= lower && key < upper { expected[Int((key - lower) >> UInt64(shift))] += 1 }
        #expect(bins == expected)
        #expect(above == 5 + UInt64(keys.count { $0 >= upper }))
      }
    }
  }

  @Test func `Signed keys are in the order of numbers, and lead back to them`() {
    func check<Element: KernelElement>(_: Element.Type) {
      let numbers = Self.special.filter { !$0.isNaN }.map { Element($0) }.sorted()
      for (a, b) in zip(numbers, numbers.dropFirst()) { #expect(a == b || a.signedKey < b.signedKey) }
      for number in numbers { #expect(isSame([Element(signedKey: number.signedKey)], [number])) }
      for nan in [Element.nan, -Element.nan] { #expect(nan.signedKey < .max >> UInt64(63 - Element.keyBits)) }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test func `Keys are counted in their bins, and above them`() {
    checkCounts(Float.self)
    checkCounts(Double.self)
  }
}
