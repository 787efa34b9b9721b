/// Finds lines and columns in a text without walking it anew for every place.
struct LineTable {
  private let text: [UInt8]
  private let starts: [Int]

  init(_ text: [UInt8]) {
    self.text = text
    starts = [0] + text.indices.filter { text[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
  }

  func position(of offset: Int) -> Position {
    let offset = min(max(0, offset), text.count)
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    let column = String(decoding: text[starts[low]..<offset], as: UTF8.self).unicodeScalars.count + 1
    return Position(offset: offset, line: low + 1, column: column)
  }
}
