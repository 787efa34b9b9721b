#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Threads of our own: workers block in file calls, which the language's pool must not.
enum Threads {
  /// A handle to wait for a thread's end.
  @safe struct Handle: @unchecked Sendable {
    fileprivate let thread: pthread_t

    func join() { _ = pthread_join(thread, nil) }
  }

  /// Starts a thread; `nil` where the system has none left.
  static func start(_ body: @escaping @Sendable () -> Void) -> Handle? {
    // SAFETY: the box is retained for the thread, which takes it over; where no thread starts, it is released here.
    let argument = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    if let handle = unsafe create(argument) { return handle }
    unsafe Unmanaged<ThreadBody>.fromOpaque(argument).release()
    return nil
  }

  private static func create(_ argument: UnsafeMutableRawPointer) -> Handle? {
    #if canImport(Glibc)
      var thread = pthread_t()
      return unsafe pthread_create(&thread, nil, runThread, argument) == 0 ? Handle(thread: thread) : nil
    #else
      var thread: pthread_t?
      guard unsafe pthread_create(&thread, nil, runThread, argument) == 0, let thread = unsafe thread else {
        return nil
      }
      return unsafe Handle(thread: thread)
    #endif
  }
}

private final class ThreadBody: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Where a thread begins; not isolated, or it would die away from the main actor.
private nonisolated func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
  return nil
}
