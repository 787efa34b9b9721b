import ArgumentParser
import WeirOps
import WeirPipeline

struct CompressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compress",
    abstract: "Makes a task-vector archive: what a fine-tune changed in its base, in one small file.",
    discussion: """
      Examples:
        weir compress base tuned -o x.tv.safetensors --density 0.05 --alpha 4
        weir compress base tuned -o x.tv.safetensors --codec lossless
        weir compress base tuned -o x.tv.safetensors --rule '*norm*=dense' --rule '*.mlp.*=ternary,density=0.1'
        weir compress base tuned -o x.tv.safetensors --target-size 500MB
        weir compress adapter -o x.tv.safetensors --density 0.2

      Every parameter of the codec is an option: --density 0.1, --scale-scope tensor, --ties paper, --rank 16. \
      'weir methods' lists the codecs, 'weir methods ternary' the parameters of one. The pipeline that is run is the one \
      that --print shows. 'weir apply' makes the model again.
      """)

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp(
      "The base and the tuned model, or an adapter's folder, and the codec's parameters.", valueName: "models"),
    completion: .file())
  var words: [String] = []

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("The '.tv.safetensors' file to make.", valueName: "path"), completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp("What is kept of each tensor (default: ternary).", valueName: "codec"),
    completion: .list(MethodReference.codecs.map(\.name)))
  var codec: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "A codec for some tensors: GLOB=CODEC[,PARAMETER=VALUE…]; may be repeated, the first that matches holds.",
      valueName: "rule"))
  var rule: [String] = []

  @Option(
    help: ArgumentHelp("The most bytes of the file: densities that are not given are chosen to fit.", valueName: "size")
  )
  var targetSize: String?

  @Option(parsing: .singleValue, help: ArgumentHelp("Only tensors of these names; may be repeated.", valueName: "glob"))
  var include: [String] = []

  @Option(parsing: .singleValue, help: ArgumentHelp("No tensors of these names; may be repeated.", valueName: "glob"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "What a NaN or an infinity in an input is: error or propagate (default: error).", valueName: "rule"),
    completion: .list(PipelineSpec.NaNPolicy.allCases.map(\.rawValue)))
  var nan: String?

  @Flag(help: "Print the pipeline instead of running it.")
  var print = false

  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(overwrite: flags.overwrite)
    let made = MadeOutput(path: output, include: include, exclude: exclude, nan: nan)
    let text = try CompressRequest(words: words, codec: codec, rules: rule, targetSize: targetSize, output: made)
      .pipeline()
    let spec = try text.parse()
    if print {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    } else {
      try Execution.run(text, spec, options: options, flags: flags)
    }
  }
}
