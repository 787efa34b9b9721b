internal import WeirIO

/// Threads that look through pieces of files and hand what they find on in the pieces' order.
enum PieceCrew {
  /// Looks at one piece, through windows that belong to the thread.
  typealias Work<Finding> = (inout WindowReader, Int) throws(PipelineError) -> Finding

  private struct State<Total, Finding> {
    var next = 0
    var absorbed = 0
    var waiting: [Int: Finding] = [:]
    var total: Total
    var failure: PipelineError?
    var running = 0
  }

  /// Works all pieces off.
  ///
  /// - Parameters:
  ///   - count: how many pieces there are.
  ///   - threads: how many threads look at once.
  ///   - total: what the findings are taken into.
  ///   - progress: where a wish to end is asked for; `work` counts what is read.
  ///   - report: called a few times a second on the caller's thread.
  ///   - absorb: takes the finding of a piece in, called for one piece after the other in their order.
  ///   - makeWork: makes what one thread does, called once on each.
  /// - Returns: the total, after all pieces.
  /// - Throws: the first failure.
  static func run<Total: Sendable, Finding: Sendable>(
    count: Int, threads: Int, into total: Total, progress: Progress, report: () -> Void,
    absorb: @escaping @Sendable (inout Total, Int, Finding) -> Void, makeWork: @escaping @Sendable () -> Work<Finding>
  ) throws(PipelineError) -> Total {
    let monitor = Monitor(State<Total, Finding>(total: total))
    let threads = max(1, min(threads, count))
    monitor.withLock { $0.running = threads }
    let body: @Sendable () -> Void = {
      let work = makeWork()
      var reader = WindowReader()
      while let piece = claim(monitor, count) {
        do throws(PipelineError) {
          let finding = try work(&reader, piece)
          monitor.withLock { state in
            state.waiting[piece] = finding
            while let next = state.waiting.removeValue(forKey: state.absorbed) {
              absorb(&state.total, state.absorbed, next)
              state.absorbed += 1
            }
          }
        } catch {
          monitor.withLock { $0.failure = $0.failure ?? error }
        }
      }
      monitor.change { $0.running -= 1 }
    }
    var handles: [Threads.Handle] = []
    for number in 0..<threads {
      guard let handle = Threads.start(body) else {
        monitor.change { state in
          state.running -= threads - number
          if number == 0 {
            state.failure = PipelineError(
              .run, "the system has no thread left, expected at least one; lower --threads")
          }
        }
        break
      }
      handles.append(handle)
    }
    while !monitor.pause(milliseconds: 100, until: { $0.running == 0 }) {
      if progress.isInterrupted {
        monitor.withLock { $0.failure = $0.failure ?? PipelineError(.interrupted, "interrupted") }
      }
      report()
    }
    for handle in handles { handle.join() }
    if let failure = monitor.withLock({ $0.failure }) { throw failure }
    return monitor.withLock { $0.total }
  }

  private static func claim<Total, Finding>(_ monitor: Monitor<State<Total, Finding>>, _ count: Int) -> Int? {
    monitor.withLock { state in
      guard state.failure == nil, state.next < count else { return nil }
      state.next += 1
      return state.next - 1
    }
  }
}
