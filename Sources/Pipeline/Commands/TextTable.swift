internal import WeirIO

/// Rows of text with aligned columns, for terminals and for tools that split at runs of blanks.
public struct TextTable: Sendable {
  public enum Alignment: Sendable { case left, right }

  /// A column: its heading and the side on which its cells stand.
  public struct Column: Sendable {
    let heading: String
    let alignment: Alignment

    public static func left(_ heading: String) -> Column { Column(heading: heading, alignment: .left) }
    public static func right(_ heading: String) -> Column { Column(heading: heading, alignment: .right) }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row; what it lacks at its end is left blank, control characters are escaped.
  public mutating func add(_ cells: [String]) {
    rows.append(cells.map(MessageText.escaped) + Array(repeating: "", count: max(0, columns.count - cells.count)))
  }

  /// The table, its headings first unless all are empty, each line with a line feed.
  ///
  /// - Parameter indent: blanks before each line.
  public func text(indent: Int = 0) -> String {
    let headings = columns.map(\.heading)
    let all = (headings.allSatisfy(\.isEmpty) ? [] : [headings]) + rows
    let widths = columns.indices.map { column in all.map { Self.width($0[column]) }.max() ?? 0 }
    return all.map { row in
      var line = String(repeating: " ", count: indent)
      for (column, cell) in row.enumerated() where column < columns.count {
        let blanks = String(repeating: " ", count: widths[column] - Self.width(cell))
        line += column == 0 ? "" : "  "
        line += columns[column].alignment == .right ? blanks + cell : cell + blanks
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// Columns that a text takes on a terminal: characters, of which those of East Asian scripts take two.
  static func width(_ text: String) -> Int {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text.utf8.count }
    return text.reduce(0) { width, character in
      let isWide = character.unicodeScalars.first.map { scalar in
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
          0x1F300...0x1FAFF:
          true
        default: false
        }
      }
      return width + (isWide == true ? 2 : 1)
    }
  }
}
