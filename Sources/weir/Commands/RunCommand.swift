import ArgumentParser
import WeirPipeline

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a pipeline.",
    discussion: """
      Examples:
        weir run pipeline.json
        weir run pipeline.json -o merged --set density=0.3 --memory 1GiB

      Nothing stands under the output's name before all of it is written and checked. Relative paths in a pipeline \
      start at its own folder; -o starts where you are.
      """)

  @OptionGroup var pipeline: PipelineFlags
  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(overwrite: flags.overwrite)
    let (text, spec) = try pipeline.parse()
    try Execution.run(text, spec, options: options, flags: flags)
  }
}
