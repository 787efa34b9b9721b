import ArgumentParser
import WeirPipeline

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Prints the JSON Schema of pipelines, for editors and checkers.",
    discussion: """
      Example:
        weir schema > pipeline.schema.json
      """)

  @Flag(help: "Accepted for consistency: the schema is JSON in any case.")
  var json = false

  func run() throws { Console.write(PipelineSchema.text()) }
}
