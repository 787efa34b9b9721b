#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The system's error numbers and their texts.
package enum SystemError {
  /// The number that the last failed call of this thread left.
  package static var last: Int32 { errno }

  /// The number for memory that the system does not have.
  package static var outOfMemory: Int32 { ENOMEM }

  /// The number for a disk that cannot read or write.
  static var inputOutput: Int32 { EIO }

  /// Whether a number says that a path leads nowhere.
  package static func isMissing(_ number: Int32) -> Bool { number == ENOENT || number == ENOTDIR }

  /// Whether a number says that a mapped file has lost the page that was asked for.
  package static func isLostPage(_ number: Int32) -> Bool { number == EFAULT }

  /// Whether a number says that a disk or the user's share of it is full.
  package static func isFull(_ number: Int32) -> Bool { number == ENOSPC || number == EDQUOT }

  /// The system's own words for an error number, first letter lowered: `no space left on device`.
  package static func text(_ number: Int32) -> String {
    // SAFETY: strerror returns a terminated string that stays valid until this thread's next call; it is copied here.
    guard let words = unsafe strerror(number) else { return "unknown error" }
    let text = unsafe String(cString: words)
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
