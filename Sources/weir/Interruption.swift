import CSystem
import WeirPipeline

/// Turns Ctrl-C and the like into a wish that the run should end.
enum Interruption {
  /// Watches for signals from now on, for all threads that start later; the second one ends the program at once.
  static func watch(_ progress: Progress) {
    // SAFETY: the run's progress is retained for good, so that the thread that waits for signals always finds it.
    let context = unsafe Unmanaged.passRetained(progress).toOpaque()
    _ = unsafe weir_on_end_signal(interrupt, context)
  }
}

/// Called on the waiting thread; not isolated, or it would die away from the main actor.
private nonisolated func interrupt(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<Progress>.fromOpaque(context).takeUnretainedValue().interrupt()
}
