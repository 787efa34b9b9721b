/// A place in the text of a pipeline; line and column count from 1, columns in characters.
public struct Position: Hashable, Sendable {
  public let offset: Int
  public let line: Int
  public let column: Int

  public init(offset: Int, line: Int, column: Int) {
    self.offset = offset
    self.line = line
    self.column = column
  }
}

/// One thing that is wrong, or odd, in a request: where, what is, what was expected, what to do.
public struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: Hashable, Sendable {
    case error, warning
    /// What helps beside an error.
    case note
  }

  public let severity: Severity
  /// The pipeline's file as the user named it; `nil` for a pipeline from standard input or from flags.
  public let file: String?
  public let position: Position?
  public let message: String

  public init(_ message: String, severity: Severity = .error, file: String? = nil, position: Position? = nil) {
    self.severity = severity
    self.file = file
    self.position = position
    self.message = message
  }

  /// `ties.json:14:9: node 'merge' …`, with as much of the place as is known.
  public var description: String {
    var place = file.map { [$0] } ?? []
    if let position { place.append("\(position.line):\(position.column)") }
    return place.isEmpty ? message : "\(place.joined(separator: ":")): \(message)"
  }
}
