/// Why a pipeline was not run, or did not come to its end.
public struct PipelineError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Whose doing it is, which decides the program's exit code.
  public enum Kind: Hashable, Sendable {
    /// The pipeline or the flags are wrong; nothing was read or written.
    case request
    /// The run failed: a file, the disk, a number.
    case run
    /// The user stopped the run, which can be resumed.
    case interrupted
  }

  public let kind: Kind
  /// All that is wrong, in the order of the text; at least one.
  public let diagnostics: [Diagnostic]

  public init(_ kind: Kind, _ diagnostics: [Diagnostic]) {
    self.kind = kind
    self.diagnostics = diagnostics
  }

  /// Makes an error of one message that has no place in a pipeline's text.
  public init(_ kind: Kind, _ message: String) {
    self.init(kind, [Diagnostic(message)])
  }

  /// One line for each diagnostic.
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
