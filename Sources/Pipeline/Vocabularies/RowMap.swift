/// Where each row of a tensor comes from, kept as runs: most rows of a vocabulary follow one another as in the source.
struct RowMap: Sendable {
  /// The origin of a row.
  enum Row: Equatable, Sendable {
    /// A row of one of the tensors that rows are taken from.
    case part(Int, row: Int)
    case zero
    /// The mean of some rows, by its number.
    case mean(Int)
    /// The mean of all rows that have a token.
    case padding
  }

  /// Rows that follow one another in what they come from, or are all the same.
  struct Run: Equatable, Sendable {
    /// Rows of the map.
    let rows: Range<Int>
    /// The origin of the first.
    let first: Row
  }

  let rowCount: Int
  private let starts: [Int]
  private let origins: [Row]

  init(_ rows: [Row]) {
    rowCount = rows.count
    var starts: [Int] = []
    var origins: [Row] = []
    for (place, row) in rows.enumerated() {
      if let start = starts.last, let origin = origins.last, Self.origin(of: place - start, in: origin) == row {
        continue
      }
      starts.append(place)
      origins.append(row)
    }
    self.starts = starts
    self.origins = origins
  }

  /// Whether every row is the same row of part 0, which has as many.
  func isIdentity(rowCount: Int) -> Bool {
    self.rowCount == rowCount && (origins.isEmpty || (origins.count == 1 && origins[0] == .part(0, row: 0)))
  }

  var byteCount: Int { starts.count * (MemoryLayout<Int>.stride + MemoryLayout<Row>.stride) }

  var runCount: Int { starts.count }

  /// The runs that cover some rows, the first and last cut to them.
  func runs(in rows: Range<Int>) -> [Run] {
    guard !rows.isEmpty else { return [] }
    // The last run that starts at or before the first row.
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= rows.lowerBound { low = middle } else { high = middle }
    }
    var runs: [Run] = []
    for number in low..<starts.count where starts[number] < rows.upperBound {
      let end = number + 1 < starts.count ? starts[number + 1] : rowCount
      let range = max(starts[number], rows.lowerBound)..<min(end, rows.upperBound)
      runs.append(Run(rows: range, first: Self.origin(of: range.lowerBound - starts[number], in: origins[number])))
      if end >= rows.upperBound { break }
    }
    return runs
  }

  private static func origin(of distance: Int, in first: Row) -> Row {
    if case .part(let part, let row) = first { .part(part, row: row + distance) } else { first }
  }
}
