#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The variables that the program was started with.
package enum Environment {
  /// The value of a variable; `nil` where it is not set.
  package static func value(_ name: String) -> String? {
    // SAFETY: the variable's text is copied at once, and nothing in this program changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
