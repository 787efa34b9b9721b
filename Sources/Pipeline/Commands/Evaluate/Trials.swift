internal import WeirIO
internal import WeirTensors

/// What is made and scored on the way to an output: models in a hidden folder beside it, one after the other.
final class Trials {
  private let evaluator: Evaluator
  private let options: RunOptions
  private let wish: Progress
  private let scratch: ScratchFolder

  /// Makes the folder.
  ///
  /// - Parameters:
  ///   - output: the path beside which it stands.
  ///   - isFile: whether that will be a file.
  ///   - inputs: the models that are read.
  ///   - wish: asked whether all should end.
  init(
    beside output: String, isFile: Bool, inputs: [String], _ evaluator: Evaluator, options: RunOptions, wish: Progress
  ) throws(PipelineError) {
    self.evaluator = evaluator
    let overwrite = options.overwrite
    scratch = try Plan.run(.request) { () throws(CheckpointError) in
      try ScratchFolder(beside: output, isFile: isFile, overwrite: overwrite, inputs: inputs)
    }
    var options = options
    options.overwrite = true
    options.fresh = true
    self.options = options
    self.wish = wish
  }

  /// A place in the folder.
  func path(_ name: String) -> String { "\(scratch.path)/\(name)" }

  func remove(_ name: String) { scratch.remove(name) }

  /// Runs a pipeline that was made in code.
  func run(_ text: PipelineText) throws(PipelineError) {
    do throws(PipelineError) {
      let plan = try text.plan(try text.parse(), options: options)
      let progress = Progress(plan)
      _ = try plan.run(progress: progress) { if wish.isInterrupted { progress.interrupt() } }
    } catch {
      throw text.worded(error)
    }
  }

  /// Scores a model.
  func score(_ path: String) throws(PipelineError) -> Evaluator.Outcome {
    let outcome = try evaluator.score(path) { wish.isInterrupted }
    if wish.isInterrupted { throw PipelineError(.interrupted, "interrupted, nothing was left") }
    return outcome
  }
}
