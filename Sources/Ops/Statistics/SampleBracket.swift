/// An interval of keys in which a quantile of a whole tensor lies very likely, guessed from a sample of it.
///
/// How far the sample's quantile may be off is read from the sample itself: neighbours are alike, so the spread between
/// runs of neighbours counts, not the number of elements. A wrong guess costs one more round of counting.
struct SampleBracket {
  /// The sample's own quantile.
  let guess: UInt64
  /// The ends of the interval, both inside it; `nil` where it is open.
  let lower: UInt64?
  let upper: UInt64?

  /// The sample's most frequent keys inside the interval, ascending: where many elements share a key, one of these is wanted.
  func candidates(_ count: Int, in sample: [UInt64]) -> [UInt64] {
    var occurrences: [UInt64: Int] = [:]
    let inside = (lower ?? 0)...(upper ?? .max)
    for key in sample where inside.contains(key) { occurrences[key, default: 0] += 1 }
    func distance(_ key: UInt64) -> UInt64 { key > guess ? key - guess : guess - key }
    let ranked = occurrences.sorted { ($1.value, distance($0.key), $0.key) < ($0.value, distance($1.key), $1.key) }
    return ranked.prefix(count).map(\.key).sorted()
  }

  /// - Parameters:
  ///   - sample: keys, in runs of `runLength` neighbours.
  ///   - fraction: the share of keys at or above the wanted one.
  init?(_ sample: [UInt64], runLength: Int, fraction: Double) {
    guard sample.count >= 64, runLength > 0 else { return nil }
    let size = Double(sample.count)
    let middle = (1 - fraction) * size
    let guess = sample.select(rank: min(sample.count - 1, Int(middle)))
    let runs = stride(from: 0, to: sample.count, by: runLength).map { start in
      let run = sample[start..<min(start + runLength, sample.count)]
      // Half of the ties count as above, so that a run of equal keys does not look like a deviation.
      let twice = run.reduce(into: 0) { $0 &+= ($1 > guess ? 1 : 0) &+ ($1 >= guess ? 1 : 0) }
      return Double(twice) / Double(2 * run.count)
    }
    let mean = runs.reduce(0, +) / Double(runs.count)
    let variance = runs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, runs.count - 1))
    let spread = 3 * (variance / Double(runs.count)).squareRoot() * size + 4
    self.guess = guess
    let ends = sample.select(ranks: [max(0, Int(middle - spread)), min(sample.count - 1, Int(middle + spread))])
    lower = middle - spread < 0 ? nil : ends[0]
    upper = middle + spread >= size ? nil : ends[1]
  }
}
