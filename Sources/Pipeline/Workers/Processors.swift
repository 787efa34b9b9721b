#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The machine's processors.
enum Processors {
  /// How many are online.
  static var available: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
