internal import WeirIO

/// A program of the user's that scores a model: the last number that it prints.
public struct Evaluator: Sendable {
  /// The command, with `{}` where the model's path goes.
  public let command: String
  /// Whether a lower score is better.
  public let minimizes: Bool

  /// Takes a command.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where the command names no place for the path.
  public init(_ command: String, minimizes: Bool = false) throws(PipelineError) {
    guard command.firstRange(of: "{}") != nil else {
      throw PipelineError(
        .request,
        "--evaluate is \(MessageText.quoted(command)), expected {} where the model's path goes, as in 'python score.py {}'"
      )
    }
    self.command = command
    self.minimizes = minimizes
  }

  /// What came of one evaluation.
  public enum Outcome: Hashable, Sendable {
    case score(Double)
    /// Why there is none, in a few words.
    case failure(String)

    public var score: Double? {
      if case .score(let score) = self { score } else { nil }
    }
  }

  /// Scores what stands at a path.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - isInterrupted: asked a few times a second; where it says so the command is asked to end.
  /// - Throws: ``PipelineError`` of kind `run` where no command can be run.
  public func score(_ path: String, isInterrupted: () -> Bool = { false }) throws(PipelineError) -> Outcome {
    let word = ShellCommand.quoted(path)
    let text = command.split(separator: "{}", omittingEmptySubsequences: false).joined(separator: word)
    let result = try Plan.run { () throws(CheckpointError) in
      try ShellCommand.run(text, isInterrupted: isInterrupted)
    }
    guard result.exitCode == 0 else { return .failure("exit code \(result.exitCode)") }
    guard let score = Self.lastNumber(in: result.output) else { return .failure("no number on its standard output") }
    guard !score.isNaN else { return .failure("NaN") }
    return .score(score)
  }

  /// Whether one score is better than another.
  public func isBetter(_ score: Double, than other: Double) -> Bool { minimizes ? score < other : score > other }

  /// The last number of a text: `0.91` of `accuracy: 0.91`, `91.3` of `step 10: 91.3%`, but not the `1` of `top1`; `nan` and
  /// `inf` are numbers too.
  static func lastNumber(in text: [UInt8]) -> Double? {
    var found: Double?
    var place = 0
    while place < text.count {
      let isInsideWord = place > 0 && isLetter(text[place - 1])
      if !isInsideWord, let (number, end) = number(in: text, at: place) {
        found = number
        place = end
      } else {
        let wasWord = isLetter(text[place])
        place += 1
        // The digits of a name are no number of their own.
        while wasWord, place < text.count, isLetter(text[place]) || isDigit(text[place]) { place += 1 }
      }
    }
    return found
  }

  /// The number that begins at a place, and where it ends.
  private static func number(in text: [UInt8], at start: Int) -> (Double, end: Int)? {
    var end = start
    func skipDigits() -> Int {
      let first = end
      while end < text.count, isDigit(text[end]) { end += 1 }
      return end - first
    }
    func skip(_ letters: String) -> Bool {
      guard end < text.count, letters.utf8.contains(text[end]) else { return false }
      end += 1
      return true
    }
    _ = skip("+-")
    let body = end
    while end < text.count, isLetter(text[end]) { end += 1 }
    if end > body {
      let word = String(decoding: text[body..<end], as: UTF8.self).lowercased()
      guard ["nan", "inf", "infinity"].contains(word), end == text.count || !isDigit(text[end]) else { return nil }
      return Double(String(decoding: text[start..<end], as: UTF8.self)).map { ($0, end) }
    }
    var digits = skipDigits()
    let whole = end
    if skip(".") {
      digits += skipDigits()
      // A full stop ends a sentence.
      if end == whole + 1 { end = whole }
    }
    guard digits > 0 else { return nil }
    let mantissa = end
    if skip("eE") {
      _ = skip("+-")
      if skipDigits() == 0 { end = mantissa }
    }
    return Double(String(decoding: text[start..<end], as: UTF8.self)).map { ($0, end) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...: true
    default: false
    }
  }
}
