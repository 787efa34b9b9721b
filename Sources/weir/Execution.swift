import WeirIO
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
    if wish == nil { Interruption.watch(progress) { interrupted(progress, plan) } }
    var bar = ProgressBar(progress, isShown: !flags.quiet)
    let report: RunReport
    do {
      report = try plan.run(progress: progress) {
        if wish?.isInterrupted == true { progress.interrupt() }
        bar.update()
      }
    } catch {
      bar.clear()
      if error.kind == .interrupted { throw interrupted(progress, plan) }
      let worded = text.worded(error)
      throw PipelineError(error.kind, worded.diagnostics + (error.kind == .run ? continuation(progress) : []))
    }
    bar.clear()
    let seconds = Console.now - start
    if !flags.quiet {
      for note in report.notes { Console.say("warning: \(note)") }
      Console.say(report.summary(seconds: seconds))
    }
    if flags.json {
      Console.write(report.json(seconds: seconds))
    } else if flags.hashesFiles {
      Console.write(report.sha256Text)
    }
  }

  static func warn(_ warnings: [Diagnostic]) {
    for warning in warnings { Console.say(warning) }
  }

  /// How far the run came, and how it goes on.
  private static func interrupted(_ progress: Progress, _ plan: Plan) -> PipelineError {
    let percent = Int(progress.fraction * 100)
    guard !progress.keptPlaces.isEmpty else {
      let places = plan.outputs.map(\.place).joined(separator: ", ")
      return PipelineError(.interrupted, "interrupted at \(percent) %, nothing was left at \(places)")
    }
    return PipelineError(
      .interrupted,
      "interrupted at \(percent) %; run the same command again to go on from there, or remove \(kept(progress)) to give it up"
    )
  }

  /// What a run that failed has left to go on with.
  private static func continuation(_ progress: Progress) -> [Diagnostic] {
    guard !progress.keptPlaces.isEmpty else { return [] }
    return [
      Diagnostic(
        "what was finished, \(Int(progress.fraction * 100)) %, is kept: run the same command again to go on from there, or "
          + "remove \(kept(progress)) to give it up", severity: .note)
    ]
  }

  private static func kept(_ progress: Progress) -> String {
    progress.keptPlaces.map { MessageText.quoted($0.hasPrefix("./") ? String($0.dropFirst(2)) : $0) }
      .joined(separator: " and ")
  }
}
