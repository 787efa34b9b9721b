import ArgumentParser
import WeirPipeline

struct MethodsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "Lists the methods, or describes one: formula, parameters, source.",
    discussion: """
      Examples:
        weir methods
        weir methods ties
      """)

  @Argument(help: "A method or primitive.")
  var name: String?

  @Flag(help: "Print in JSON.")
  var json = false

  @Flag(help: "Print the whole reference as a document.")
  var markdown = false

  func validate() throws {
    if markdown, json || name != nil { throw ValidationError("--markdown prints all methods, expected it alone") }
  }

  func run() throws {
    if markdown {
      Console.write(MethodReference.markdown())
    } else if json {
      Console.write(try MethodReference.json(named: name))
    } else {
      Console.write(try MethodReference.text(named: name))
    }
  }
}
