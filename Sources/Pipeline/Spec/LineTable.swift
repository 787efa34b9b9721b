/// Finds lines and columns in a text without walking it anew for every place, even where it is one long line.
struct LineTable {
  private let text: [UInt8]
  /// The offsets of the lines' first bytes.
  private let starts: [Int]
  /// How many characters (Unicode scalars) begin before every stride-th byte.
  private let counts: [Int]
  private static let stride = 256

  init(_ text: [UInt8]) {
    self.text = text
    var starts = [0]
    var counts: [Int] = []
    var count = 0
    for (offset, byte) in text.enumerated() {
      if offset % Self.stride == 0 { counts.append(count) }
      if byte & 0xC0 != 0x80 { count += 1 }
      if byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
    }
    counts.append(count)
    self.starts = starts
    self.counts = counts
  }

  func position(of offset: Int) -> Position {
    let offset = min(max(0, offset), text.count)
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return Position(
      offset: offset, line: low + 1, column: characters(before: offset) - characters(before: starts[low]) + 1)
  }

  private func characters(before offset: Int) -> Int {
    let mark = offset / Self.stride
    return counts[min(mark, counts.count - 1)]
      + text[min(mark * Self.stride, offset)..<offset].count { $0 & 0xC0 != 0x80 }
  }
}
