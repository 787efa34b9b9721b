import ArgumentParser
import WeirPipeline

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a pipeline, or a mergekit recipe.",
    discussion: """
      Examples:
        weir run pipeline.json
        weir run pipeline.json -o merged --set density=0.3 --memory 1GiB
        weir run recipe.yml -o merged

      Nothing stands under the output's name before all of it is written and checked. Relative paths in a pipeline \
      start at its own folder; -o starts where you are.
      """)

  @OptionGroup var pipeline: PipelineFlags
  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(flags)
    let (text, spec) = try pipeline.parse()
    if text.isFromRecipe, pipeline.output == nil {
      throw PipelineError(.request, "a recipe names no place for its result, expected -o")
    }
    try Execution.run(text, spec, options: options, flags: flags)
  }
}
