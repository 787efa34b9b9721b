import ArgumentParser
import WeirPipeline

/// The command line: commands read flags, ask the library, and print what it answers.
struct Weir: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weir",
    abstract: "Merges model checkpoints as streams, in as little memory as you give it.",
    discussion: """
      Merge two fine-tunes of a base, and look at what came out:
        weir merge ties --base base math:0.6 code:0.4 -o merged --density 0.2
        weir inspect merged

      The same from a pipeline in a file, which can do much more:
        weir plan pipeline.json
        weir run pipeline.json

      Exit codes: 0 done, 1 the run failed, 2 the request was wrong, 130 interrupted.
      """,
    version: Version.current,
    subcommands: [
      RunCommand.self, PlanCommand.self, MergeCommand.self, CopyCommand.self, CompressCommand.self, ApplyCommand.self,
      SoupCommand.self, CheckCommand.self, InspectCommand.self, DiffCommand.self, VerifyCommand.self,
      MethodsCommand.self, ConvertCommand.self, SchemaCommand.self,
    ])
}

@main
enum Program {
  static func main() {
    Console.prepare()
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      try Failure.checkCommand(arguments, of: Weir.self)
      var command = try Weir.parseAsRoot(arguments)
      try command.run()
    } catch {
      Failure.exit(error)
    }
  }
}
