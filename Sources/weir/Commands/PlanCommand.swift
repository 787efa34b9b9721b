import ArgumentParser
import WeirPipeline

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Says what a pipeline would read, write and use, without reading a weight.",
    discussion: """
      Examples:
        weir plan pipeline.json --tensors
        weir plan recipe.yml
        weir plan pipeline.json --dot | dot -Tsvg > graph.svg
      """)

  @OptionGroup var pipeline: PipelineFlags

  @Flag(help: "Show every tensor.")
  var tensors = false

  @Flag(help: "Print the graph in Graphviz's language instead.")
  var dot = false

  @Flag(help: "Print the plan in JSON, every tensor included.")
  var json = false

  @OptionGroup var machine: MachineFlags

  func validate() throws {
    if dot, json { throw ValidationError("--dot and --json exclude each other, expected one of them") }
  }

  func run() throws {
    var options = try machine.options()
    options.requiresSpace = false
    let (text, spec) = try pipeline.parse()
    let plan = try text.plan(spec, options: options)
    Execution.warn(text.warnings + plan.warnings.map(text.worded))
    if json {
      Console.write(plan.json)
    } else {
      Console.write(dot ? plan.dot : plan.text(tensors: tensors))
    }
  }
}
