import TestSupport
import Testing

@testable import WeirPipeline

@Suite struct RowMapTests {
  @Test func `Runs give back every row, wherever they are cut`() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<200 {
      var rows: [RowMap.Row] = []
      for _ in 0..<random.next() % 12 {
        let count = 1 + Int(random.next() % 4)
        let start = Int(random.next() % 5)
        let part = Int(random.next() % 2)
        switch random.next() % 4 {
        case 0: rows += [RowMap.Row](repeating: .zero, count: count)
        case 1: rows += [RowMap.Row](repeating: .mean(start), count: count)
        case 2: rows += [RowMap.Row](repeating: .padding, count: count)
        default: rows += (0..<count).map { .part(part, row: start + $0) }
        }
      }
      let map = RowMap(rows)
      #expect(map.rowCount == rows.count)
      for first in 0...rows.count {
        for end in first...rows.count {
          var found: [RowMap.Row] = []
          var next = first
          for run in map.runs(in: first..<end) {
            #expect(run.rows.lowerBound == next && !run.rows.isEmpty)
            next = run.rows.upperBound
            for distance in 0..<run.rows.count {
              if case .part(let part, let row) = run.first {
                found.append(.part(part, row: row + distance))
              } else {
                found.append(run.first)
              }
            }
          }
          #expect(next == end && found == Array(rows[first..<end]))
        }
      }
    }
  }
}
