import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// Ranks of elements within slices, and random elements, through the engine.
@Suite struct RankTests {
  /// Ranks the plain way: for every line of elements along an axis a stable sort by magnitude.
  private func ranks(_ values: [Double], _ slices: Slices) -> [Double] {
    var ranks = values
    for start in stride(from: 0, to: values.count, by: slices.group) {
      for offset in 0..<slices.stride {
        let line = (0..<slices.length).map { start + offset + $0 * slices.stride }
        for (rank, place) in line.sorted(by: { (abs(values[$0]), $0) < (abs(values[$1]), $1) }).enumerated() {
          ranks[place] = Double(rank)
        }
      }
    }
    return ranks
  }

  private static let cases: [(shape: [Int], slices: Slices)] = [
    ([1], Slices(length: 1, stride: 1)), ([7, 9], Slices(length: 9, stride: 1)), ([63], Slices(length: 63, stride: 1)),
    ([7, 9], Slices(length: 7, stride: 9)), ([3, 5, 4], Slices(length: 5, stride: 4)),
    ([2, 30], Slices(length: 60, stride: 1)), ([3, 2, 40], Slices(length: 2, stride: 40)),
  ]

  @Test(arguments: cases.indices, [true, false])
  func `Every element has its place in its slice, equal ones in their order`(number: Int, double: Bool) throws {
    let (extents, slices) = Self.cases[number]
    let shape = try #require(Shape(extents))
    var random = SplitMix64(seed: UInt64(number))
    // Few values, many of them equal, of both signs.
    for spread in [2, 5, 1 << 20] {
      let values = (0..<shape.elementCount).map { _ in Double(random.int(0..<spread) - spread / 2) / 4 }
      for cut in Cut.all {
        let graph = ExpressionGraph()
        let root = Value(graph: graph, index: graph.insert(.ranked(graph.input(0).index, slices)))
        #expect(try evaluate(root, [values], shape: shape, cut: cut, double: double) == ranks(values, slices), "\(cut)")
      }
    }
  }

  @Test(arguments: [(7_001, 2), (1, 20_002)], [true, false])
  func `A slice is ranked however much longer than a step it is`(shape: (Int, Int), double: Bool) throws {
    let extents = try #require(Shape([shape.0, shape.1]))
    let slices = Slices(length: extents.elementCount, stride: 1)
    var random = SplitMix64(seed: 3)
    let values = (0..<slices.length).map { _ in Double(Float(random.signed() * random.signed())) }
    let expected = ranks(values, slices)
    for cut in [Cut(tile: 5_000), Cut(tile: 1 << 20)] {
      let graph = ExpressionGraph()
      let root = Value(graph: graph, index: graph.insert(.ranked(graph.input(0).index, slices)))
      #expect(try evaluate(root, [values], shape: extents, cut: cut, double: double) == expected, "\(cut)")
    }
  }

  @Test func `What is ranked may depend on ranks and on statistics, and statistics on ranks`() throws {
    let shape = try #require(Shape([6, 11]))
    let (rows, columns) = (Slices(length: 11, stride: 1), Slices(length: 6, stride: 11))
    var random = SplitMix64(seed: 9)
    let values = (0..<66).map { _ in random.dyadic() }
    let inner = zip(ranks(values, rows), values).map { $0 < 5 ? $1 : 0 }
    let total = inner.reduce(0, +)
    let outer = zip(ranks(inner.map { $0 - total }, columns), values).map { $0 + $1 }
    for cut in Cut.all {
      let graph = ExpressionGraph()
      let input = graph.input(0)
      let rank = Value(graph: graph, index: graph.insert(.ranked(input.index, rows)))
      let kept = select(isGreater(graph.constant(5), rank), input, 0)
      let moved = kept - WeirOps.total(kept)
      let root = Value(graph: graph, index: graph.insert(.ranked(moved.index, columns))) + input
      #expect(try evaluate(root, [values], shape: shape, cut: cut) == outer, "\(cut)")
    }
  }

  @Test func `A number that is not finite is named where it is ranked`() throws {
    let shape = try #require(Shape([4, 5]))
    var values = [Double](repeating: 1, count: 20)
    values[13] = .infinity
    for cut in Cut.all {
      let graph = ExpressionGraph()
      let root = Value(graph: graph, index: graph.insert(.ranked(graph.input(0).index, Slices(length: 5, stride: 1))))
      let error = #expect(throws: NonFinite.self) { try evaluate(root, [values], shape: shape, cut: cut) }
      #expect(error?.element == 13)
    }
  }

  @Test func `Random elements are those of the generator, and less than a Float exactly where the whole number is`()
    throws
  {
    let shape = try #require(Shape([5000]))
    let reference = ReferenceMask(seed: 3, name: "w", model: 1)
    let key = RandomMask(seed: 3, tensor: "w", model: 1, density: 1).key
    let numbers = (0..<5000).map(reference.number)
    // Some of the limits are the numbers themselves, rounded up or down to a Float.
    let limits = numbers.enumerated().map { place, number in
      place % 2 == 0 ? Double(Float(number)) : Double(Float(numbers[(place * 7) % 5000]))
    }
    for cut in [Cut(tile: 7), Cut()] {
      let graph = ExpressionGraph()
      let random = Value(graph: graph, index: graph.insert(.random(key: key)))
      #expect(try evaluate(random + graph.input(0) * 0, [limits], shape: shape, cut: cut) == numbers)
      let found = try evaluate(isGreater(graph.input(0), random), [limits], shape: shape, cut: cut, double: false)
      #expect(found == zip(numbers, limits).map { $0 < $1 ? 1 : 0 })
    }
  }
}
