import ArgumentParser
import WeirPipeline

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says whether models can be merged: names, shapes, dtypes, vocabularies, chat templates, configs.",
    discussion: """
      Example:
        weir check base math code

      Exit codes: 0 they can be merged, 1 they cannot, 2 one of them cannot be opened.
      """)

  @Argument(help: "Two models or more; the others are compared with the first.", completion: .file())
  var models: [String]

  @Flag(help: "Print in JSON.")
  var json = false

  @OptionGroup var reading: ReadingFlags

  func run() throws {
    let check = try CompatibilityCheck(paths: models, options: try reading.options())
    if json {
      Console.write(check.json)
    } else {
      Console.write(check.text)
    }
    if !check.canBeMerged { throw ExitCode(1) }
  }
}
