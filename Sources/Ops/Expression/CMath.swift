#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The functions of the C library, whose last bits may differ from one to another.
enum CMath {
  static func sine(_ x: Double) -> Double { sin(x) }
  static func cosine(_ x: Double) -> Double { cos(x) }
  static func arccosine(_ x: Double) -> Double { acos(x) }
}
