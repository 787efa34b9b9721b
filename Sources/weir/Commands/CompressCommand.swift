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

      With --evaluate the density and the alpha are searched that score best, beside the fine-tune itself and its \
      uncompressed change at other scales:
        weir compress base tuned -o x.tv.safetensors --evaluate 'python score.py {}' --target-size 2MB

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

  @OptionGroup var evaluation: EvaluationFlags

  @Option(
    help: ArgumentHelp("Densities to choose from (default: 0.05,0.1,0.2,0.3,0.5).", valueName: "numbers"))
  var densities: String?

  @Option(
    help: ArgumentHelp("Alphas to choose from (default: 0.5,1,2,3,4,5,6,8,10).", valueName: "numbers"))
  var alphas: String?

  @Option(
    help: ArgumentHelp(
      "Scales at which the uncompressed change is scored (default: 0.5,0.75,1.25,1.5,2).", valueName: "numbers"))
  var scales: String?

  @Flag(help: "Score every density with every alpha.")
  var grid = false

  @Flag(help: "Print the pipeline instead of running it.")
  var print = false

  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(flags)
    let made = MadeOutput(path: output, include: include, exclude: exclude, nan: nan)
    let request = CompressRequest(words: words, codec: codec, rules: rule, targetSize: targetSize, output: made)
    if let evaluator = try evaluation.evaluator() {
      try search(request, evaluator, options)
      return
    }
    try refuseSearchFlags()
    let text = try request.pipeline()
    let spec = try text.parse()
    if print {
      Console.write(String(decoding: text.bytes, as: UTF8.self))
    } else {
      try Execution.run(text, spec, options: options, flags: flags)
    }
  }

  // MARK: Searching

  private func search(_ request: CompressRequest, _ evaluator: Evaluator, _ options: RunOptions) throws(PipelineError) {
    guard !print else {
      throw PipelineError(.request, "--print stands beside --evaluate, which has to run to know; drop one")
    }
    var search = CompressSearch(request: request, evaluator: evaluator)
    search.densities = try numbers(densities, "--densities") ?? search.densities
    search.alphas = try numbers(alphas, "--alphas") ?? search.alphas
    search.scales = try numbers(scales, "--scales") ?? search.scales
    search.isExhaustive = grid
    let wish = Progress(bytesToRead: 0)
    Interruption.watch(wish)
    let report = try search.run(options: options, wish: wish) { if !flags.quiet { Console.say($0) } }
    if flags.json {
      Console.write(report.json)
    } else {
      Console.write(report.text)
    }
    guard let text = report.pipeline else {
      throw PipelineError(.run, "no candidate has a score and fits the size, expected one; nothing was written")
    }
    var quiet = flags
    quiet.json = false
    try Execution.run(text, try text.parse(), options: options, flags: quiet, watching: wish)
  }

  private func refuseSearchFlags() throws(PipelineError) {
    let given = [
      ("--densities", densities != nil), ("--alphas", alphas != nil), ("--scales", scales != nil), ("--grid", grid),
    ]
    let problems = given.filter(\.1).map {
      Diagnostic("\($0.0) stands without --evaluate, expected a command; drop it")
    }
    if !problems.isEmpty { throw PipelineError(.request, problems) }
  }

  private func numbers(_ text: String?, _ flag: String) throws(PipelineError) -> [Double]? {
    guard let text else { return nil }
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double(String($0)) }
    guard numbers.allSatisfy({ $0?.isFinite == true }) else {
      throw PipelineError(.request, "\(flag) is '\(text)', expected numbers with commas between them")
    }
    return numbers.compactMap { $0 }
  }
}
