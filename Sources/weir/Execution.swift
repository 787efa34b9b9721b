import WeirPipeline

/// The way that every run takes: plan, run with a progress bar, report.
enum Execution {
  /// Runs a pipeline that has been read.
  ///
  /// - Parameter wish: what is watched for signals already, and to be followed; `nil` to watch for them now.
  static func run(
    _ text: PipelineText, _ spec: PipelineSpec, options: RunOptions, flags: RunFlags, watching wish: Progress? = nil
  ) throws(PipelineError) {
    let start = Console.now
    let plan = try text.plan(spec, options: options)
    if !flags.quiet { warn(text.warnings + plan.warnings.map(text.worded)) }
    let progress = Progress(plan)
    if wish == nil { Interruption.watch(progress) }
    var bar = ProgressBar(progress, isShown: !flags.quiet)
    let report: RunReport
    do {
      report = try plan.run(progress: progress) {
        if wish?.isInterrupted == true { progress.interrupt() }
        bar.update()
      }
    } catch {
      bar.clear()
      throw error.kind == .interrupted ? interrupted(progress, plan) : text.worded(error)
    }
    bar.clear()
    let seconds = Console.now - start
    if !flags.quiet {
      for note in report.notes { Console.say("warning: \(note)") }
      Console.say(report.summary(seconds: seconds))
    }
    if flags.json { Console.write(report.json(seconds: seconds)) }
  }

  static func warn(_ warnings: [Diagnostic]) {
    for warning in warnings { Console.say(warning) }
  }

  /// How far the run came.
  private static func interrupted(_ progress: Progress, _ plan: Plan) -> PipelineError {
    let percent = Int(progress.fraction * 100)
    let places = plan.outputs.map(\.place).joined(separator: ", ")
    return PipelineError(.interrupted, "interrupted at \(percent) %, nothing was left at \(places)")
  }
}
