/// What is wrong with a recipe, and what is odd and yet allowed.
final class RecipeProblems {
  private let file: String?
  private(set) var errors: [Diagnostic] = []
  private(set) var warnings: [Diagnostic] = []

  init(file: String?) { self.file = file }

  func error(_ message: String, at position: Position) {
    guard errors.count < Reader.errorLimit else { return }
    errors.append(Diagnostic(message, file: file, position: position))
  }

  func warning(_ message: String, at position: Position) {
    guard warnings.count < Reader.errorLimit else { return }
    warnings.append(Diagnostic(message, severity: .warning, file: file, position: position))
  }

  /// Reports that something is not what belongs there.
  func mismatch(_ value: YAMLValue, _ subject: String, expected: String) {
    error("\(subject) is \(value.found), expected \(expected)", at: value.position)
  }

  /// Ends with everything that is wrong, if anything is; a key that was ignored is often why something is missing.
  func throwIfWrong() throws(PipelineError) {
    guard errors.isEmpty else { throw PipelineError(.request, Reader.sorted(warnings) + Reader.sorted(errors)) }
  }
}
