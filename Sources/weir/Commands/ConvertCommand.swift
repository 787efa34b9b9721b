import ArgumentParser
import WeirPipeline

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Prints the pipeline that a mergekit recipe stands for.",
    discussion: """
      Examples:
        weir convert recipe.yml
        weir convert recipe.yml -o pipeline.json

      Running the pipeline gives the same bytes as running the recipe. Relative paths in it start where you are, or \
      at the folder of the file that -o names.
      """)

  @Argument(help: "A recipe in YAML; - reads standard input.", completion: .file(extensions: ["yml", "yaml"]))
  var recipe: String

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("The file to make, instead of printing.", valueName: "path"), completion: .file())
  var output: String?

  @Flag(help: "Replace an earlier file of the same name.")
  var overwrite = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func run() throws {
    let text = recipe == "-" ? try PipelineText.standardInput(try Console.readInput()) : try PipelineText.read(recipe)
    guard text.isFromRecipe else {
      throw PipelineError(
        .request, "\(recipe == "-" ? "standard input" : recipe): a pipeline already, expected a recipe in YAML")
    }
    let spec = try text.parse()
    if !quiet { Execution.warn(text.warnings + spec.warnings.map(text.worded)) }
    if let output {
      try text.write(to: output, overwrite: overwrite)
    } else {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    }
  }
}
