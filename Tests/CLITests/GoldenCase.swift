import TestSupport
import Testing

/// One command line and all that it must say, as a file of `Cases` tells it.
///
/// Each case is a heading and lines that begin with a mark and a blank:
///
///     ## What is tested
///     $ weir run -          the command; words in single quotes may have blanks in them
///     < {}                  a line of standard input
///     > text                a line that must come on standard output
///     ! error: …            a line that must come on standard error
///     = 2                   the exit code, 0 where it is not said
///
/// `{any}` in an expected line stands for any characters, once per line. With `WEIR_RECORD=1` in the environment the
/// files are rewritten with what the program says; read the difference before you commit it.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  let title: String
  let command: String
  var input: [String] = []
  var output: [String] = []
  var errors: [String] = []
  var exit: Int32 = 0

  var testDescription: String { title }

  /// The command's words, without the program's name.
  var arguments: [String] {
    var words: [String] = []
    for (number, piece) in command.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
      if number % 2 == 1 { words.append(String(piece)) } else { words += piece.split(separator: " ").map(String.init) }
    }
    return Array(words.dropFirst())
  }

  /// The folder of the case files.
  static let folder = "\(#filePath.dropLast("GoldenCase.swift".count))Cases"

  /// The cases of a file.
  static func read(_ name: String) throws -> [GoldenCase] {
    var cases: [GoldenCase] = []
    var title = ""
    let text = String(decoding: try readFile("\(folder)/\(name).txt"), as: UTF8.self)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let rest = String(line.dropFirst(2))
      switch (line.prefix(2), cases.indices.last) {
      case ("##", _): title = String(line.dropFirst(3))
      case ("$ ", _): cases.append(GoldenCase(title: title, command: rest))
      case ("< ", let last?), ("<", let last?): cases[last].input.append(rest)
      case ("> ", let last?), (">", let last?): cases[last].output.append(rest)
      case ("! ", let last?): cases[last].errors.append(rest)
      case ("= ", let last?): cases[last].exit = Int32(rest) ?? -1
      default: continue
      }
    }
    return cases
  }

  /// Rewrites a file with cases as they are.
  static func write(_ cases: [GoldenCase], to name: String) throws {
    let old = String(decoding: try readFile("\(folder)/\(name).txt"), as: UTF8.self)
    var lines = old.split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.hasPrefix("##") }
      .map(String.init)
    for golden in cases {
      lines += ["## \(golden.title)", "$ \(golden.command)"]
      lines += golden.input.map { $0.isEmpty ? "<" : "< \($0)" } + golden.output.map { $0.isEmpty ? ">" : "> \($0)" }
      lines += golden.errors.map { "! \($0)" } + (golden.exit == 0 ? [] : ["= \(golden.exit)"]) + [""]
    }
    try writeFile("\(folder)/\(name).txt", lines.joined(separator: "\n"))
  }

  /// Whether a line is what was expected.
  static func matches(_ line: String, _ expected: String) -> Bool {
    guard let mark = expected.firstRange(of: "{any}") else { return line == expected }
    let start = expected[..<mark.lowerBound]
    let end = expected[mark.upperBound...]
    return line.count >= start.count + end.count && line.hasPrefix(start) && line.hasSuffix(end)
  }

  /// Whether lines are what was expected.
  static func match(_ lines: [String], _ expected: [String]) -> Bool {
    lines.count == expected.count && zip(lines, expected).allSatisfy(matches)
  }

  /// The lines of a text that ends with a line feed.
  static func lines(_ text: String) -> [String] {
    guard !text.isEmpty else { return [] }
    return (text.hasSuffix("\n") ? String(text.dropLast()) : text)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}
