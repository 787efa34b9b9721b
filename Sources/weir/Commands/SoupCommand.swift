import ArgumentParser
import WeirPipeline
import WeirTensors

struct SoupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soup",
    abstract: "Averages those of several models that together score best: a greedy soup.",
    discussion: """
      Example:
        weir soup run-1 run-2 run-3 --evaluate 'python score.py {}' -o soup

      Every model is scored by the command: {} stands for its path, and the last number that it prints is the score. \
      Then, best first, each model is averaged with those that were taken before, and stays if that scores better.
      """)

  @Argument(help: "The models, two or more.", completion: .file())
  var models: [String] = []

  @OptionGroup var evaluation: EvaluationFlags

  @Option(
    help: ArgumentHelp(
      "When a model stays: gt, the score is better with it, or ge, not worse (default: gt).", valueName: "rule"),
    completion: .list(SoupRequest.Acceptance.allCases.map(\.rawValue)))
  var accept: String?

  @OptionGroup var made: MadeFlags
  @OptionGroup var flags: RunFlags
  @OptionGroup var machine: MachineFlags

  func run() throws {
    let options = try machine.options(flags)
    guard let evaluator = try evaluation.evaluator() else {
      throw PipelineError(
        .request, "--evaluate is missing, expected a command that scores a model, as 'python score.py {}'")
    }
    let acceptance = SoupRequest.Acceptance(rawValue: accept ?? SoupRequest.Acceptance.better.rawValue)
    guard let acceptance else {
      throw PipelineError(.request, "--accept is '\(accept ?? "")', expected 'gt' or 'ge'")
    }
    let request = SoupRequest(models: models, evaluator: evaluator, acceptance: acceptance, output: made.made)
    let wish = Progress(bytesToRead: 0)
    Interruption.watch(wish)
    let report = try request.run(options: options, wish: wish) { if !flags.quiet { Console.say($0) } }
    if flags.json {
      Console.write(report.json)
    } else {
      Console.write(report.text)
    }
    var quiet = flags
    quiet.json = false
    try Execution.run(report.pipeline, try report.pipeline.parse(), options: options, flags: quiet, watching: wish)
  }
}
