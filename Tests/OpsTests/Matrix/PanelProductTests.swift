import TestSupport
import Testing

@testable import WeirOps

/// Products of thin matrices, panel by panel.
@Suite struct PanelProductTests {
  @Test(arguments: [(1, 1), (15, 3), (100, 7000), (40, 20_000), (3, 600_000), (5000, 1), (2049, 256)])
  func `Panels depend on the shape alone, and cover all rows`(_ rows: Int, _ columns: Int) {
    let panel = PanelProduct.panelRows(rowCount: rows, columnCount: columns)
    #expect((1...rows).contains(panel))
    #expect(panel * columns <= max(columns, 1 << 19))
    #expect(panel == rows || panel < 16 || panel % 16 == 0)
  }

  @Test(arguments: [false, true], [false, true])
  func `Every panel is s·L·R, however the factors are stored`(_ isLeftTransposed: Bool, _ isRightTransposed: Bool)
    throws
  {
    let (rows, inner, columns) = (70, 5, 9000)
    var random = SplitMix64(seed: 5)
    let left = (0..<rows * inner).map { _ in Float(random.signed()) }
    let right = (0..<inner * columns).map { _ in Float(random.signed()) }
    let product = try PanelProduct(
      .init(left, isTransposed: isLeftTransposed), .init(right, isTransposed: isRightTransposed), rowCount: rows,
      inner: inner, columnCount: columns, scale: 0.75)
    let panel = PanelProduct.panelRows(rowCount: rows, columnCount: columns)
    #expect(panel == 48)
    var target = [Float](repeating: .nan, count: panel * columns)
    for first in stride(from: 0, to: rows, by: panel) {
      let count = unsafe target.withUnsafeMutableBufferPointer { buffer -> Int in
        guard let start = buffer.baseAddress else { return 0 }
        return unsafe product.compute(panelFrom: first, into: start)
      }
      #expect(count == min(panel, rows - first) * columns)
      for place in stride(from: 0, to: count, by: 97) {
        let (row, column) = (first + place / columns, place % columns)
        let sum = (0..<inner).reduce(0.0) { sum, k in
          sum + Double(left[isLeftTransposed ? k * rows + row : row * inner + k])
            * Double(right[isRightTransposed ? column * inner + k : k * columns + column])
        }
        #expect(abs(Double(target[place]) - 0.75 * sum) < 1e-5)
      }
    }
  }
}
