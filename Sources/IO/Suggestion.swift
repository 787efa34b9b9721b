/// The nearest valid word to a misspelt one.
public enum Suggestion {
  /// Characters of a word that are looked at.
  private static let compared = 64

  /// The candidate within a third of its length in edits (at least one), nearest first, then in the order given.
  public static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
    var best: (word: String, distance: Int)?
    for candidate in candidates {
      let distance = editDistance(word.lowercased(), candidate.lowercased())
      let limit = max(1, (min(compared, max(word.count, candidate.count)) + 1) / 3)
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  /// `; did you mean 'x'?` or nothing.
  public static func phrase(for word: String, in candidates: some Sequence<String>) -> String {
    nearest(to: word, in: candidates).map { "; did you mean \(MessageText.quoted($0))?" } ?? ""
  }

  /// Optimal string alignment distance over the first 64 characters of each: insert, delete, replace, swap.
  private static func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.prefix(compared))
    let b = Array(b.prefix(compared))
    var before = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(row[j] + 1, previous[j + 1] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      (before, previous) = (previous, row)
    }
    return previous[b.count]
  }
}
