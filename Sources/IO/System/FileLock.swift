internal import Synchronization

/// A file that this process has locked, and lets go of once, however often it is told to.
///
/// A descriptor that is closed twice may be another file's by the second time.
final class FileLock: Sendable {
  private let descriptor: Atomic<Int32>

  /// Takes over a descriptor that ``OutputCalls/lockFile(_:)`` has given.
  init(_ descriptor: Int32) { self.descriptor = Atomic(descriptor) }

  /// Whether the file has not been let go of.
  var isHeld: Bool { descriptor.load(ordering: .relaxed) >= 0 }

  func release() {
    let held = descriptor.exchange(-1, ordering: .relaxed)
    if held >= 0 { OutputCalls.unlockFile(held) }
  }
}
