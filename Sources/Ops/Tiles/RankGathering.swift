/// The ranks of a run of elements within their slices, as they are gathered.
///
/// The run's own keys are put in order. Where it cuts a slice, every other element of that slice is then counted at the place
/// that it has among them; so any slice is ranked in the memory of a run, at the price of one more reading of it for each run.
struct RankGathering<Element: KernelElement> {
  /// Slices, of one group, of which the run has only a part.
  private struct Cut {
    let own: Range<Int>
    let group: Range<Int>
    /// Own keys in ascending order, slice by slice, and where each slice's begin.
    let sorted: [Element.Key]
    let starts: [Int]
    /// How many other elements come before each own one and not before the one ahead of it; one place more for each slice.
    var counts: [UInt32]
  }

  /// Keys that are ranked at once where groups are small: as many as stay in a core's cache.
  private static var batch: Int { 1 << 14 }

  private let slices: Slices
  private let elements: Range<Int>
  private var keys: [Element.Key]
  private(set) var ranks: [UInt32]
  private var cuts: [Cut] = []

  /// - Parameter ranks: memory that an earlier run no longer needs.
  init(_ slices: Slices, _ elements: Range<Int>, reusing ranks: consuming [UInt32]) {
    self.slices = slices
    self.elements = elements
    keys = Array(repeating: 0, count: elements.count)
    self.ranks = ranks.count == elements.count ? ranks : Array(repeating: 0, count: elements.count)
  }

  /// Elements that the run does not have, of slices of which it has some.
  var others: [Range<Int>] {
    cuts.flatMap { cut in
      [cut.group.lowerBound..<cut.own.lowerBound, cut.own.upperBound..<cut.group.upperBound].filter { !$0.isEmpty }
    }
  }

  /// Takes in a tile of the run's own elements.
  mutating func take(_ tile: UnsafeMutablePointer<Element>, _ first: Int, _ count: Int) {
    let place = first - elements.lowerBound
    unsafe keys.withUnsafeMutableBufferPointer { keys in
      // SAFETY: the elements are the run's.
      if let start = keys.baseAddress { unsafe Element.keys(start + place, tile, count) }
    }
  }

  /// Ranks the run's own elements among one another.
  mutating func order(_ bench: RankBench) {
    let group = slices.group
    var at = elements.lowerBound
    while at < elements.upperBound {
      let start = at - at % group
      let isCut = start < at || elements.upperBound - at < group
      let groups = max(1, min(Self.batch, elements.upperBound - at) / group)
      let end = isCut ? min(start + group, elements.upperBound) : at + groups * group
      rank(at..<end, group: isCut ? end - at : group, bench)
      if isCut { cuts.append(cut(at..<end, start..<start + group)) }
      at = end
    }
  }

  /// Counts a tile of other elements, all of them of one cut.
  mutating func count(_ tile: UnsafeMutablePointer<Element>, _ first: Int, _ count: Int) {
    guard let place = cuts.firstIndex(where: { $0.group.contains(first) }) else { return }
    let comesBefore = first < cuts[place].own.lowerBound
    let own = cuts[place].own
    let (starts, step) = (cuts[place].starts, slices.stride)
    unsafe withUnsafeTemporaryAllocation(of: Element.Key.self, capacity: max(1, count)) { keys in
      guard let keys = keys.baseAddress else { return }
      // SAFETY: there is room for the tile's keys, and `counts` has one place more per slice than `sorted`.
      unsafe Element.keys(keys, tile, count)
      let sorted = cuts[place].sorted
      unsafe sorted.withUnsafeBufferPointer { sorted in
        unsafe cuts[place].counts.withUnsafeMutableBufferPointer { counts in
          guard let sorted = sorted.baseAddress, let counts = counts.baseAddress else { return }
          for slice in 0..<starts.count - 1 {
            // The first element of the tile that is in the slice.
            let offset = ((own.lowerBound + slice - first) % step + step) % step
            guard offset < count else { continue }
            unsafe Element.countBefore(
              keys + offset, (count - offset + step - 1) / step, step: step, sorted + starts[slice],
              starts[slice + 1] - starts[slice], countsEqual: comesBefore, counts + starts[slice] + slice)
          }
        }
      }
    }
  }

  /// Adds what has been counted.
  mutating func finish() {
    for cut in cuts {
      var counts = cut.counts
      for slice in 0..<cut.starts.count - 1 {
        for place in cut.starts[slice] + slice + 1..<max(cut.starts[slice] + slice + 1, cut.starts[slice + 1] + slice) {
          counts[place] += counts[place - 1]
        }
      }
      let offset = cut.own.lowerBound - elements.lowerBound
      for place in 0..<cut.own.count {
        let slice = place % slices.stride
        ranks[offset + place] += counts[cut.starts[slice] + slice + Int(ranks[offset + place])]
      }
    }
  }

  private mutating func rank(_ part: Range<Int>, group: Int, _ bench: RankBench) {
    let place = part.lowerBound - elements.lowerBound
    let scratch = unsafe bench.scratch(Element.rankScratch(part.count))
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe ranks.withUnsafeMutableBufferPointer { ranks in
        guard let keys = keys.baseAddress, let ranks = ranks.baseAddress else { return }
        // SAFETY: keys and ranks have a place for every element of the run, of which these are some.
        unsafe Element.rank(keys + place, part.count, group: group, stride: slices.stride, ranks + place, scratch)
      }
    }
  }

  private func cut(_ own: Range<Int>, _ group: Range<Int>) -> Cut {
    let stride = slices.stride
    let offset = own.lowerBound - elements.lowerBound
    let starts = (0..<min(stride, own.count)).reduce(into: [0]) { starts, slice in
      starts.append(starts[slice] + (own.count - slice + stride - 1) / stride)
    }
    var sorted = [Element.Key](repeating: 0, count: own.count)
    for place in 0..<own.count {
      sorted[starts[place % stride] + Int(ranks[offset + place])] = keys[offset + place]
    }
    return Cut(
      own: own, group: group, sorted: sorted, starts: starts,
      counts: Array(repeating: 0, count: own.count + starts.count - 1))
  }
}
