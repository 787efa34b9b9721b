import ArgumentParser
import WeirPipeline
import WeirTensors

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Makes the model that a base gives with a task-vector archive or a LoRA adapter.",
    discussion: """
      Examples:
        weir apply base x.tv.safetensors -o tuned
        weir apply base adapter -o tuned
        weir apply adapter.tv.safetensors -o adapter

      A base that is not the one that the archive was made from is refused, unless --force says otherwise.
      """)

  @Argument(
    help: ArgumentHelp(
      "The base, and the archive or the adapter's folder; an adapter's archive alone.", valueName: "base-and-change"),
    completion: .file())
  var paths: [String] = []

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("The folder or '.safetensors' file to make.", valueName: "path"), completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp("The element type: f32, f16, bf16 or same (default: same).", valueName: "dtype"),
    completion: .list(DType.outputNames + ["same"]))
  var dtype: String?

  @Flag(help: "Apply it to another base than it was made from.")
  var force = false

  @Flag(help: "Print the pipeline instead of running it.")
  var print = false

  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    var options = try machine.options(flags)
    options.force = force
    let text = try ApplyRequest(paths: paths, output: MadeOutput(path: output, dtype: dtype)).pipeline()
    let spec = try text.parse()
    if print {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    } else {
      try Execution.run(text, spec, options: options, flags: flags)
    }
  }
}
