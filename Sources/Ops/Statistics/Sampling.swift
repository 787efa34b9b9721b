/// The fixed-stride sample from which a selection guesses its first interval.
enum Sampling {
  /// A tensor with fewer elements is gathered whole.
  static let leastElements = 1 << 17
  static let runs = 128
  /// Long enough for the interval to have no more keys than a round has bins, whatever the elements are like.
  static let longestRun = 1024

  /// The most keys whose occurrences are told chunk by chunk: all chunks together have a quarter of a million such numbers, or
  /// one each.
  static func probes(chunks: Int) -> Int { max(1, min(64, (1 << 18) / max(1, chunks))) }

  /// The logarithm of the bins of each of a sweep's selections, of those of all of them: more bins need fewer rounds.
  static func binBits(selections: Int, of searchBits: Int) -> Int {
    let share = Int.bitWidth - max(0, selections - 1).leadingZeroBitCount
    return max(16, min(18, searchBits - share))
  }
}
