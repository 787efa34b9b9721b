import ArgumentParser
import WeirIO
import WeirPipeline
import WeirTensors

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How the program ends when it does not end well: one line per thing that is wrong, and an exit code.
enum Failure {
  /// The exit code that says whose doing an error is.
  private static func code(_ kind: PipelineError.Kind) -> Int32 {
    switch kind {
    case .request: 2
    case .run: 1
    case .interrupted: 130
    }
  }

  /// Prints an error and ends the program; help and version, which arrive as errors too, go to standard output.
  static func exit(_ error: any Error) -> Never {
    Interruption.beginEnd()
    if let error = error as? PipelineError {
      for diagnostic in error.diagnostics { Console.say(diagnostic) }
      end(code(error.kind))
    }
    if let code = error as? ExitCode { end(code.rawValue) }
    let text = Weir.fullMessage(for: error)
    if Weir.exitCode(for: error).isSuccess {
      Console.write(text.hasSuffix("\n") ? text : text + "\n")
      end(0)
    }
    Console.say("error: \(sentence(Weir.message(for: error)))")
    if let help = helpCommand(text) { Console.say("see '\(help)'") }
    end(2)
  }

  private static func end(_ code: Int32) -> Never {
    #if canImport(Glibc)
      Glibc.exit(code)
    #else
      Darwin.exit(code)
    #endif
  }

  /// Refuses a first word that is no command: the parser would call it an unexpected argument.
  static func checkCommand(_ arguments: [String], of root: any ParsableCommand.Type) throws(PipelineError) {
    guard let word = arguments.first, !word.hasPrefix("-") else { return }
    let names = root.configuration.subcommands.map { $0._commandName } + ["help"]
    guard !names.contains(word) else { return }
    let isPipeline = [".json", ".yml", ".yaml"].contains(where: word.hasSuffix)
    let hint = Suggestion.phrase(for: word, in: names)
    throw PipelineError(
      .request,
      "unknown command '\(word)'"
        + (isPipeline
          ? "; did you mean 'weir run \(word)'?" : hint.isEmpty ? ", expected \(names.joined(separator: ", "))" : hint))
  }

  /// The parser's words in the manner of all other messages: one line, lower case, no full stop.
  private static func sentence(_ message: String) -> String {
    var text = ""
    for line in message.split(whereSeparator: \.isNewline) {
      let line = line.drop { $0 == " " }
      text +=
        text.isEmpty ? line : text.hasSuffix(":") ? " \(line)" : "; \(line.prefix(1).lowercased())\(line.dropFirst())"
      if text.hasSuffix(".") { text.removeLast() }
    }
    for (theirs, ours) in [
      (". Did you mean", "; did you mean"), (". Please provide one of ", ", expected "),
      ("Missing expected argument", "missing argument"),
    ] {
      guard let range = text.firstRange(of: theirs) else { continue }
      text.replaceSubrange(range, with: ours)
    }
    return text.prefix(1).lowercased() + withoutFarFetchedHint(text.dropFirst())
  }

  /// The parser proposes options that have little to do with what was typed; only near ones help.
  private static func withoutFarFetchedHint(_ text: Substring) -> Substring {
    let words = text.split(separator: "'", omittingEmptySubsequences: false)
    guard let hint = text.firstRange(of: "; did you mean"), words.count > 3,
      Suggestion.nearest(to: String(words[1]), in: [String(words[3])]) == nil
    else { return text }
    return text[..<hint.lowerBound]
  }

  /// `weir run --help`, from the parser's last line.
  private static func helpCommand(_ text: String) -> String? {
    guard let line = text.split(whereSeparator: \.isNewline).last, line.contains("for more information") else {
      return nil
    }
    let parts = line.split(separator: "'")
    return parts.count > 2 ? String(parts[1]) : nil
  }
}
