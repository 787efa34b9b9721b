import ArgumentParser
import WeirPipeline

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merges models by one method, without a pipeline file.",
    discussion: """
      Examples:
        weir merge linear a:0.7 b:0.3 -o merged
        weir merge slerp --base a b --t 0.4 -o merged --dtype bf16
        weir merge ties --base base math:0.6 code:0.4 --density 0.2 -o merged
        weir merge ties --base base math code --density 0.2 -o merged --print > pipeline.json

      Every parameter of the method is an option: --density 0.2, --no-normalize, --election count, or in JSON \
      --t '{"ramp": [0, 0.5, 1]}'. 'weir methods' lists the methods, 'weir methods ties' the parameters of one. \
      The pipeline that is run is the one that --print shows, and is saved beside the weights.
      """)

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp(
      "The method, the models as PATH or PATH:WEIGHT, and the method's parameters.", valueName: "method-and-models"),
    completion: .file())
  var words: [String] = []

  @Option(
    help: ArgumentHelp("The model from which the others are changes.", valueName: "path"), completion: .file())
  var base: String?

  @Option(
    help: ArgumentHelp("Where a model lacks a tensor: error or skip_model (default: error).", valueName: "rule"),
    completion: .list(MismatchRule.allCases.map(\.rawValue)))
  var onMissing: String?

  @Option(
    help: ArgumentHelp("Where a tensor has another shape: error or skip_model (default: error).", valueName: "rule"),
    completion: .list(MismatchRule.allCases.map(\.rawValue)))
  var onMismatch: String?

  @Option(
    help: ArgumentHelp(
      "Whose tokens the output has: union, or a model (default: all must have the same).", valueName: "model"),
    completion: .file())
  var tokenizer: String?

  @OptionGroup var made: MadeFlags

  @Flag(help: "Print the pipeline instead of running it.")
  var print = false

  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(flags)
    let text = try MergeRequest(
      base: base, words: words, output: made.made, onMissing: onMissing, onMismatch: onMismatch,
      tokenizer: tokenizer
    ).pipeline()
    let spec = try text.parse()
    if print {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    } else {
      try Execution.run(text, spec, options: options, flags: flags)
    }
  }
}
