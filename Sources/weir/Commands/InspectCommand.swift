import ArgumentParser
import WeirIO
import WeirPipeline

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a checkpoint holds: dtypes, layers, files, tensors.",
    discussion: """
      Examples:
        weir inspect model
        weir inspect model/model-00001-of-00002.safetensors --tensors
      """)

  @Argument(help: "A folder, a '.safetensors' file or an index.", completion: .file())
  var path: String

  @Flag(help: "Show every tensor.")
  var tensors = false

  @Flag(help: "Print in JSON, every tensor included.")
  var json = false

  @OptionGroup var reading: ReadingFlags

  func run() throws {
    let inspection = try Inspection(path: path, options: try reading.options())
    for note in inspection.checkpoint.notes { Console.say("warning: \(note)") }
    if json {
      Console.write(inspection.json)
    } else {
      Console.write(inspection.text(tensors: tensors))
    }
  }
}
