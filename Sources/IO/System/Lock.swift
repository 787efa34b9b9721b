#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// State that threads share under the system's own lock, which the thread sanitizer sees.
@safe final class Lock<State: ~Copyable>: @unchecked Sendable {
  // Sendable: `state` is only reached through `withLock`.
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init(_ state: consuming State) {
    self.state = state
    // SAFETY: allocated here, initialised before anybody can see it, destroyed in `deinit`.
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    // SAFETY: nobody holds the lock of an object that nobody refers to.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Runs `body` with the state to itself.
  func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
    // SAFETY: the mutex lives as long as this object.
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&state)
  }
}
