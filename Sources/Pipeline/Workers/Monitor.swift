#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// State that several threads share, with a lock and a way to wait for a change.
///
/// `Synchronization.Mutex` cannot be waited on, and the thread sanitizer does not see what it orders where threads contend
/// for it, which is why this wraps the system's own pair.
@safe final class Monitor<State>: @unchecked Sendable {
  // Sendable: `state` is only reached through `withLock` and `wait`, under the mutex.
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ state: State) {
    self.state = state
    // SAFETY: allocated here, initialised before anybody can see them, destroyed in `deinit`.
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs `body` with the state to itself.
  func withLock<Result>(_ body: (inout State) -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  /// Runs `body` with the state to itself, and again after each change, until it gives a result.
  func wait<Result>(until body: (inout State) -> Result?) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&state) { return result }
      unsafe pthread_cond_wait(condition, mutex)
    }
  }

  /// Runs `body`, and wakes all that wait.
  func change<Result>(_ body: (inout State) -> Result) -> Result {
    let result = withLock(body)
    unsafe pthread_cond_broadcast(condition)
    return result
  }

  /// Waits at most `milliseconds` for a change, unless `isOver` already; gives back whether it is.
  func pause(milliseconds: Int, until isOver: (State) -> Bool) -> Bool {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if isOver(state) { return true }
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    let nanoseconds = Int(time.tv_nsec) + milliseconds * 1_000_000
    time.tv_sec += nanoseconds / 1_000_000_000
    time.tv_nsec = nanoseconds % 1_000_000_000
    unsafe pthread_cond_timedwait(condition, mutex, &time)
    return isOver(state)
  }
}
