import ArgumentParser
import WeirIO
import WeirPipeline
import WeirTensors

/// How a run may use the machine.
struct MachineFlags: ParsableArguments {
  @Option(help: ArgumentHelp("The most memory that the run reserves: 64M, 2GiB (default: 352M).", valueName: "size"))
  var memory: String?

  @Option(help: ArgumentHelp("Threads that compute (default: the cores of this machine).", valueName: "n"))
  var threads: String?

  @OptionGroup var reading: ReadingFlags

  /// The options that the flags ask for.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with every flag that has no sense.
  func options(_ flags: RunFlags? = nil) throws(PipelineError) -> RunOptions {
    var options = RunOptions(overwrite: flags?.overwrite ?? false)
    options.fresh = flags?.fresh ?? false
    options.hashesFiles = flags?.hashesFiles ?? false
    var problems: [String] = []
    if let memory {
      options.memory = ReadingFlags.size(memory, "--memory", example: "64M", &problems)
    }
    if let threads {
      options.threads = Int(threads) ?? 0
      if Int(threads) == nil { problems.append("--threads is '\(threads)', expected a whole number") }
    }
    reading.apply(to: &options, &problems)
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
    return options
  }
}

/// What commands take that read whole checkpoints and write none.
struct ScanFlags: ParsableArguments {
  @Option(help: ArgumentHelp("Threads that read (default: the cores of this machine).", valueName: "n"))
  var threads: String?

  @OptionGroup var reading: ReadingFlags

  @Flag(help: "Print in JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Show no progress and no warnings.")
  var quiet = false

  /// The options that the flags ask for.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with every flag that has no sense.
  func options() throws(PipelineError) -> RunOptions {
    var options = RunOptions()
    var problems: [String] = []
    if let threads {
      options.threads = Int(threads) ?? 0
      if !(1...1024).contains(options.threads) { problems.append("--threads is '\(threads)', expected 1 to 1024") }
    }
    reading.apply(to: &options, &problems)
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
    return options
  }

  /// Runs what only reads, with a progress bar.
  func run<Result>(
    reading bytes: Int, _ body: (Progress, () -> Void) throws(PipelineError) -> Result
  ) throws(PipelineError) -> Result {
    let progress = Progress(bytesToRead: bytes)
    Interruption.watch(progress) { PipelineError(.interrupted, "interrupted") }
    var bar = ProgressBar(progress, isShown: !quiet)
    do throws(PipelineError) {
      let result = try body(progress) { bar.update() }
      bar.clear()
      return result
    } catch {
      bar.clear()
      throw error
    }
  }
}

/// How checkpoints are opened.
struct ReadingFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("How weights are read: auto, map or read (default: auto).", valueName: "policy"),
    completion: .list(ReadPolicy.allCases.map(\.rawValue)))
  var readPolicy: String?

  @Option(help: ArgumentHelp("The largest header of a file that is read (default: 100MB).", valueName: "size"))
  var maxHeader: String?

  /// The options that the flags ask for.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with every flag that has no sense.
  func options() throws(PipelineError) -> RunOptions {
    var options = RunOptions()
    var problems: [String] = []
    apply(to: &options, &problems)
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
    return options
  }

  fileprivate func apply(to options: inout RunOptions, _ problems: inout [String]) {
    if let readPolicy {
      options.readPolicy = ReadPolicy(rawValue: readPolicy) ?? .auto
      if ReadPolicy(rawValue: readPolicy) == nil {
        let names = ReadPolicy.allCases.map(\.rawValue)
        problems.append(
          "--read-policy is '\(readPolicy)', expected 'auto', 'map' or 'read'"
            + Suggestion.phrase(for: readPolicy, in: names))
      }
    }
    if let maxHeader {
      options.maximumHeaderBytes = Self.size(maxHeader, "--max-header", example: "200MiB", &problems)
    }
  }

  fileprivate static func size(_ text: String, _ flag: String, example: String, _ problems: inout [String]) -> Int {
    guard let size = Quantity.bytes(text, bareIsBinary: true) else {
      problems.append("\(flag) is '\(text)', expected a size such as '\(example)'")
      return 0
    }
    return size
  }
}

/// A program of the user's that scores models.
struct EvaluationFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A command that scores a model: {} stands for its path, the last number that it prints is the score.",
      valueName: "command"))
  var evaluate: String?

  @Flag(help: "A lower score is better.")
  var minimize = false

  /// The evaluator that the flags ask for; `nil` where they ask for none.
  func evaluator() throws(PipelineError) -> Evaluator? {
    guard let evaluate else {
      if minimize { throw PipelineError(.request, "--minimize stands without --evaluate, expected a command; drop it") }
      return nil
    }
    return try Evaluator(evaluate, minimizes: minimize)
  }
}

/// What a run may replace, and what it says.
struct RunFlags: ParsableArguments {
  @Flag(help: "Replace an earlier output of the same name.")
  var overwrite = false

  @Flag(help: "Start over, whatever an unfinished run has left.")
  var fresh = false

  @Flag(name: .customLong("sha256"), help: "Take the SHA-256 of every weights file, and print it as 'sha256sum' does.")
  var hashesFiles = false

  @Flag(help: "Print a report in JSON on standard output.")
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false
}

/// A pipeline in a file, and what the command line changes in it.
struct PipelineFlags: ParsableArguments {
  @Argument(
    help: "A pipeline in JSON, or a mergekit recipe in YAML; - reads standard input.",
    completion: .file(extensions: ["json", "yml", "yaml"]))
  var pipeline: String

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("Where the only output goes, instead of its 'to'.", valueName: "path"), completion: .file())
  var output: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("The value of a variable that the pipeline declares; may be repeated.", valueName: "name=value"))
  var set: [String] = []

  /// Reads and checks the pipeline.
  func parse() throws(PipelineError) -> (text: PipelineText, spec: PipelineSpec) {
    let overrides = try overrides
    let text =
      pipeline == "-"
      ? try PipelineText.standardInput(try Console.readInput(), outputPath: output)
      : try PipelineText.read(pipeline, outputPath: output)
    return (text, try text.parse(overrides: overrides, outputPath: output))
  }

  private var overrides: [String: String] {
    get throws(PipelineError) {
      var values: [String: String] = [:]
      for word in set {
        guard let mark = word.firstIndex(of: "="), mark != word.startIndex else {
          throw PipelineError(.request, "--set is '\(word)', expected NAME=VALUE")
        }
        let name = String(word[..<mark])
        guard values.updateValue(String(word[word.index(after: mark)...]), forKey: name) == nil else {
          throw PipelineError(.request, "--set gives '\(name)' twice, expected once")
        }
      }
      return values
    }
  }
}

/// What is made of a checkpoint by commands that write one.
struct MadeFlags: ParsableArguments {
  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("The folder or '.safetensors' file to make.", valueName: "path"), completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp("The element type: f32, f16, bf16 or same (default: same).", valueName: "dtype"),
    completion: .list(DType.outputNames + ["same"]))
  var dtype: String?

  @Option(help: ArgumentHelp("The most bytes of one file of a folder (default: 5GB).", valueName: "size"))
  var shardSize: String?

  @Option(parsing: .singleValue, help: ArgumentHelp("Only tensors of these names; may be repeated.", valueName: "glob"))
  var include: [String] = []

  @Option(parsing: .singleValue, help: ArgumentHelp("No tensors of these names; may be repeated.", valueName: "glob"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "What a NaN or an infinity in an input is: error or propagate (default: error).", valueName: "rule"),
    completion: .list(PipelineSpec.NaNPolicy.allCases.map(\.rawValue)))
  var nan: String?

  var made: MadeOutput {
    MadeOutput(path: output, dtype: dtype, shardSize: shardSize, include: include, exclude: exclude, nan: nan)
  }
}
