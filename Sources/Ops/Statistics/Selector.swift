/// Finds the k-th largest number of a stream exactly, by counting keys in ever narrower intervals.
///
/// A key is the bit pattern of a magnitude, which grows with it: 31 bits for Float32, 63 for Double; or, one bit longer, that of
/// a signed number, mapped so that it grows with that. Each round counts, over
/// the whole stream, the keys at or above an interval and those in each of its bins; the bin that holds the wanted rank is the
/// next interval. A guess from a sample makes the first interval narrow; a round shows whether it was right, and if not,
/// the search goes on beside it. Nothing here depends on the order in which counts come in.
struct Selector: Sendable {
  /// What to count in one sweep of the stream.
  struct Round: Hashable, Sendable {
    let lower: UInt64
    let upper: UInt64
    let shift: Int
    /// Keys inside the interval, ascending, whose occurrences are told chunk by chunk; a bin of a key has no other in it.
    var probes: [UInt64] = []
    var isSigned = false

    /// The bins of the probes.
    var probedBins: [Int] { probes.map { Int(($0 - lower) >> UInt64(shift)) } }

    var binCount: Int { upper == lower ? 0 : Int((upper - lower - 1) >> UInt64(shift)) + 1 }
  }

  enum Step: Hashable, Sendable {
    case count(Round)
    /// Find the element of the `ordinal`-th (from 1) occurrence of `key` in a chunk.
    case locate(chunk: Int, ordinal: Int, key: UInt64)
    case done
  }

  /// How many elements to keep; until the first round ends it may be an estimate.
  var count: Int
  let rule: SelectionRule
  /// Whether, of equal keys, those of the highest indices are kept.
  let keepsLastTies: Bool
  private let isSigned: Bool
  private let binBits: Int
  private let keyLimit: UInt64
  private(set) var step: Step
  /// The threshold and the last flat index at which a key equal to it is kept.
  private(set) var result = Selection(threshold: 0, cut: .max)
  /// The key of the wanted rank, once it is known; `nil` where the stream is shorter.
  private(set) var key: UInt64?
  /// Keys that the wanted one is likely to be.
  private var candidates: [UInt64] = []
  private var known = false

  /// - Parameters:
  ///   - count: how many elements to keep, at least 1; a shorter stream keeps all.
  ///   - keyBits: of a magnitude, 31 or 63.
  ///   - isSigned: whether keys are those of signed numbers, one bit longer.
  ///   - binBits: the logarithm of the most bins that a round may have.
  ///   - probeCount: the most keys of a round whose occurrences are told chunk by chunk.
  ///   - sample: keys of some elements, for a first guess, in runs of `runLength` neighbours; empty for none.
  init(
    count: Int, of total: Int, rule: SelectionRule, keyBits: Int, isSigned: Bool = false, keepsLastTies: Bool = false,
    binBits: Int, probeCount: Int = 1, sample: [UInt64] = [], runLength: Int = 1
  ) {
    self.count = count
    self.rule = rule
    self.keepsLastTies = keepsLastTies
    self.isSigned = isSigned
    self.binBits = binBits
    // The greatest signed key is none, so that the limit of 64 bits is a number of 64 bits.
    keyLimit = isSigned ? UInt64.max >> UInt64(63 - keyBits) : 1 << UInt64(keyBits)
    step = .done
    if let bracket = SampleBracket(sample, runLength: runLength, fraction: Double(count) / Double(total)) {
      candidates = bracket.candidates(probeCount, in: sample)
      step = .count(round(bracket.lower ?? 0, bracket.upper.map { $0 + 1 } ?? keyLimit))
    } else {
      step = .count(round(0, keyLimit))
    }
  }

  /// Takes in a finished round.
  ///
  /// - Parameters:
  ///   - bins: how many keys fell into each bin of the round.
  ///   - above: how many were at or above its upper end.
  ///   - equal: how many were each of the probes, for one chunk of the stream after the other.
  mutating func absorb(bins: [UInt64], above: Int, equal: [UInt32]) {
    guard case .count(let round) = step else { return }
    if known {
      finish(greater: above, equal: equal[...], every: 1)
      return
    }
    guard count > 0 else {
      result = .none
      step = .done
      return
    }
    if count <= above {
      step = .count(self.round(round.upper, keyLimit))
      return
    }
    var reached = above
    for (bin, number) in bins.enumerated().reversed() {
      guard reached + Int(number) >= count else {
        reached += Int(number)
        continue
      }
      let lower = round.lower + UInt64(bin) << UInt64(round.shift)
      if round.shift == 0 {
        settle(lower, of: round, greater: reached, occurrences: Int(number), equal: equal)
      } else {
        step = .count(self.round(lower, min(round.upper, lower + 1 << UInt64(round.shift))))
      }
      return
    }
    guard round.lower > 0 else {
      // The stream holds fewer elements than are to be kept: tensors that a model lacks count for nothing.
      result = Selection(threshold: 1, cut: .max)
      step = .done
      return
    }
    step = .count(self.round(0, round.lower))
  }

  /// Takes in the flat index that a `locate` step asked for.
  mutating func absorb(cut: Int) {
    result = Selection(threshold: result.threshold, cut: cut, keepsAfter: keepsLastTies)
    step = .done
  }

  private mutating func settle(_ key: UInt64, of round: Round, greater: Int, occurrences: Int, equal: [UInt32]) {
    self.key = key
    // A zero is never kept, and its trimming shows nowhere: no tie among zeros needs a decision.
    result = Selection(threshold: max(1, key), cut: .max)
    step = .done
    guard rule == .exactK, key > 0, greater + occurrences > count else { return }
    if let place = round.probes.firstIndex(of: key) {
      finish(greater: greater, equal: equal[place...], every: round.probes.count)
    } else {
      known = true
      step = .count(Round(lower: key, upper: key + 1, shift: 0, probes: [key], isSigned: isSigned))
    }
  }

  private mutating func finish(greater: Int, equal: ArraySlice<UInt32>, every stride: Int) {
    let equal = Swift.stride(from: equal.startIndex, to: equal.endIndex, by: stride).map { equal[$0] }
    // What comes before the cut: of ties, those that are kept, or, where the last are kept, those that are not.
    var left = count - greater
    if keepsLastTies { left = equal.reduce(0) { $0 + Int($1) } - left }
    for (chunk, number) in equal.enumerated() {
      if left <= Int(number) {
        step = .locate(chunk: chunk, ordinal: left, key: result.threshold)
        return
      }
      left -= Int(number)
    }
    step = .done
  }

  private func round(_ lower: UInt64, _ upper: UInt64) -> Round {
    var shift = 0
    while upper > lower, (upper - lower - 1) >> UInt64(shift) >= 1 << UInt64(binBits) { shift += 1 }
    let probes = shift == 0 ? candidates.filter { $0 >= lower && $0 < upper } : []
    return Round(lower: lower, upper: upper, shift: shift, probes: probes, isSigned: isSigned)
  }
}

/// The outcome of a selection: an element is kept if its key is above the threshold, or equal and its flat index not
/// beyond the cut, or beyond it where the last ties are kept. The threshold is never below 1, so that a zero is never kept.
struct Selection: Hashable, Sendable {
  let threshold: UInt64
  let cut: Int
  var keepsAfter = false

  /// The least key that is kept of an element, and of those after it up to ``end(from:)``.
  ///
  /// Keys equal to the threshold are kept up to the cut, or after it; greater ones everywhere.
  func least(from element: Int) -> UInt64 { threshold + ((element > cut) == keepsAfter ? 0 : 1) }

  /// Where, after an element, ties begin to be kept or cease to be.
  func end(from element: Int) -> Int { element > cut || cut == .max ? .max : cut + 1 }

  /// Keeps nothing: no key of a magnitude is as great.
  static let none = Selection(threshold: 1 << 63, cut: .max)
}
