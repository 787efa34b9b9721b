import ArgumentParser
import WeirPipeline

struct CopyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "copy",
    abstract: "Copies a checkpoint, into another element type and other shards if you like.",
    discussion: """
      Examples:
        weir copy model -o model-bf16 --dtype bf16 --shard-size 2GB
        weir copy model -o model.safetensors
      """)

  @Argument(help: "A folder, a '.safetensors' file or an index.", completion: .file())
  var model: String

  @OptionGroup var made: MadeFlags

  @Flag(help: "Print the pipeline instead of running it.")
  var print = false

  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(flags)
    let text = MadePipeline.copy(model, to: made.made)
    let spec = try text.parse()
    if print {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    } else {
      try Execution.run(text, spec, options: options, flags: flags)
    }
  }
}
