internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Threads that work a schedule off: they prepare jobs, sweep them, compute blocks and write them.
final class Crew: Sendable {
  /// What is made of the jobs.
  struct Task: Sendable {
    let jobCount: Int
    /// Makes a job ready to be swept or applied; called on a worker.
    let prepare: @Sendable (Int) throws(PipelineError) -> Job
    /// Takes a job whose statistics are complete, where there are no blocks.
    var finish: @Sendable (Int, Job) -> Void = { _, _ in }
    /// What is made of the jobs block by block; `nil` where only their statistics are wanted.
    var work: (any BlockWork)?
  }

  private struct State {
    var schedule: Schedule
    var jobs: [Job?]
    var failure: PipelineError?
    var running: Int
  }

  private let plan: Plan
  private let task: Task
  private let progress: Progress
  private let monitor: Monitor<State>
  private let factors: FactorStore

  init(_ plan: Plan, _ task: Task, progress: Progress) {
    self.plan = plan
    self.task = task
    self.progress = progress
    factors = FactorStore(capacity: plan.sizes.factors, checksFinite: plan.graph.checksFinite, progress)
    let schedule = Schedule(
      jobCount: task.jobCount, blocks: task.work?.blocks ?? [], limit: plan.options.threads)
    monitor = Monitor(
      State(schedule: schedule, jobs: Array(repeating: nil, count: task.jobCount), failure: nil, running: 0))
  }

  /// Works everything off; `report` is called on this thread a few times a second.
  func run(report: () -> Void) throws(PipelineError) {
    if progress.isInterrupted { throw PipelineError(.interrupted, "interrupted") }
    let count = task.work == nil ? plan.options.threads : plan.sizes.workers
    var handles: [Threads.Handle] = []
    monitor.withLock { $0.running = count }
    for number in 0..<count {
      guard let handle = Threads.start({ self.work(prefersSweeps: number % 2 == 1) }) else {
        monitor.change { $0.running -= count - number }
        break
      }
      handles.append(handle)
    }
    if handles.isEmpty {
      fail(PipelineError(.run, "the system has no thread left, expected at least one; lower --threads"))
    }
    while !monitor.pause(milliseconds: 100, until: { $0.running == 0 }) {
      if progress.isInterrupted { fail(PipelineError(.interrupted, "interrupted")) }
      report()
    }
    for handle in handles { handle.join() }
    if let failure = monitor.withLock({ $0.failure }) { throw failure }
  }

  private func fail(_ error: PipelineError) {
    monitor.change { state in
      state.failure = state.failure ?? error
      state.schedule.stop()
    }
    task.work?.stop()
  }

  private func work(prefersSweeps: Bool) {
    do throws(PipelineError) {
      var worker = try makeWorker()
      while try step(&worker, prefersSweeps: prefersSweeps) {}
    } catch {
      fail(error)
    }
    monitor.change { $0.running -= 1 }
  }

  private func makeWorker() throws(PipelineError) -> Worker {
    do throws(CheckpointError) {
      return try Worker(plan, factors, progress: progress)
    } catch {
      throw PipelineError(.run, error.description)
    }
  }

  /// Does one thing; whether there may be more to do.
  private func step(_ worker: inout Worker, prefersSweeps: Bool) throws(PipelineError) -> Bool {
    let action = monitor.wait { state -> Schedule.Action? in
      let action = state.schedule.next(prefersSweeps: prefersSweeps)
      return action == .wait ? nil : action
    }
    switch action {
    case .wait: return true
    case .stop:
      monitor.change { _ in }
      return false
    case .prepare(let number):
      let job = try task.prepare(number)
      try settle(number, job, &worker)
    case .sweep(let number, let units):
      guard let job = monitor.withLock({ $0.jobs[number] }), let sweep = job.sweep else { return true }
      let partial = try worker.sweep(job, sweep, units)
      // Each job has a lock for what was found, so that nobody waits for a histogram who only wants work.
      job.absorb(partial)
      let isLast = monitor.change { $0.schedule.swept(number) }
      if isLast {
        job.computation?.finishSweep()
        try settle(number, job, &worker)
      }
    case .block(let number): try block(number, &worker)
    }
    return true
  }

  /// Finds a job's next sweep to share out, or what is applied.
  private func settle(_ number: Int, _ job: Job, _ worker: inout Worker) throws(PipelineError) {
    var sweep = job.computation?.nextSweep()
    while let short = sweep, isShort(short) {
      // Sharing it out would take longer than it does.
      let partial = try worker.sweep(job, short, short.units)
      job.absorb(partial)
      job.computation?.finishSweep()
      sweep = job.computation?.nextSweep()
    }
    job.sweep = sweep
    if sweep == nil, task.work != nil { job.application = job.computation?.application() }
    if let failure = job.computation?.failure { throw refusal(failure, job) }
    if sweep == nil {
      if task.work == nil { task.finish(number, job) } else { job.computation = nil }
    }
    monitor.change { state in
      state.jobs[number] = sweep == nil && task.work == nil ? nil : job
      state.schedule.settled(number, sweep.map(units(of:)))
    }
  }

  /// A node's refusal of what a tensor's statistics turned out to be.
  private func refusal(_ failure: FormulaFailure, _ job: Job) -> PipelineError {
    let tensor = job.inputs.first.map { "tensor \(MessageText.quoted(plan.graph.info(of: $0.operand).name)): " } ?? ""
    return PipelineError(.run, "node \(MessageText.quoted(failure.node)): \(tensor)\(failure.message)")
  }

  /// Whether a sweep is of so few elements that the worker which prepares it is done with it at once.
  private func isShort(_ sweep: Sweep) -> Bool {
    guard sweep.isContiguous, let last = sweep.units.last else { return false }
    return sweep.elements(of: last).upperBound - sweep.elements(of: sweep.units.lowerBound).lowerBound <= 1 << 16
  }

  /// Claims small enough for all workers to have some, large enough to be worth a claim.
  private func units(of sweep: Sweep) -> Schedule.Units {
    let unitLength = max(1, sweep.elements(of: sweep.units.lowerBound).count)
    let share = (sweep.units.count + 2 * plan.options.threads - 1) / (2 * plan.options.threads)
    let perClaim = sweep.isContiguous ? max(1, min(share, (4 << 20) / unitLength)) : sweep.units.count
    return Schedule.Units(range: sweep.units, perClaim: perClaim)
  }

  private func block(_ number: Int, _ worker: inout Worker) throws(PipelineError) {
    guard let work = task.work else { return }
    let jobs = monitor.withLock { state in work.blocks[number].map { state.jobs[$0] } }
    try work.compute(number, jobs, &worker)
    monitor.change { $0.schedule.computed() }
    progress.addWritten(try work.deliver(number, &worker))
    monitor.change { state in
      for finished in state.schedule.wrote(number) { state.jobs[finished] = nil }
    }
  }
}
