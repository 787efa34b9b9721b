import CSystem
import Synchronization
import WeirPipeline

/// Turns Ctrl-C and the like into a wish that the run should end.
enum Interruption {
  /// Who says how the program ends: the run that is ending, or the watch that has waited long enough for it.
  fileprivate static let isEnding = Atomic<Bool>(false)

  /// Watches for signals from now on, for all threads that start later; the second one ends the program at once.
  ///
  /// - Parameter ending: what is said where the run has not ended within a second, and the program ends all the same: nothing is
  ///   lost by that. Without it the run is waited for.
  static func watch(_ progress: Progress, ending: (@Sendable () -> PipelineError)? = nil) {
    // SAFETY: retained for good, so that the thread that waits for signals always finds it.
    let context = unsafe Unmanaged.passRetained(Watch(progress: progress, ending: ending)).toOpaque()
    _ = unsafe weir_on_end_signal(interrupt, ending == nil ? nil : endLate, context)
  }

  /// To be called before the program says how it ends; does not return where that is being said already.
  static func beginEnd() {
    guard isEnding.exchange(true, ordering: .acquiringAndReleasing) else { return }
    while true { weir_wait_for_end() }
  }
}

private final class Watch: Sendable {
  let progress: Progress
  let ending: (@Sendable () -> PipelineError)?

  init(progress: Progress, ending: (@Sendable () -> PipelineError)?) {
    self.progress = progress
    self.ending = ending
  }
}

/// Called on the waiting thread; not isolated, or it would die away from the main actor.
private nonisolated func interrupt(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<Watch>.fromOpaque(context).takeUnretainedValue().progress.interrupt()
}

/// Called on the waiting thread where the run is still there after a while.
private nonisolated func endLate(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  Interruption.beginEnd()
  if let error = unsafe Unmanaged<Watch>.fromOpaque(context).takeUnretainedValue().ending?() {
    for diagnostic in error.diagnostics { Console.say(diagnostic) }
  }
}
