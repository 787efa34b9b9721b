#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension Sequence where Element == String {
  /// The names in the order of their bytes in UTF-8, the same in every locale.
  func sortedByBytes() -> [String] { sorted { $0.precedesByBytes($1) } }
}

extension String {
  /// Whether its bytes in UTF-8 come before those of another.
  func precedesByBytes(_ other: String) -> Bool {
    var (left, right) = (self, other)
    // SAFETY: as many bytes are compared as the shorter has.
    return left.withUTF8 { left in
      right.withUTF8 { right in
        guard let a = left.baseAddress, let b = right.baseAddress else { return left.count < right.count }
        let order = unsafe memcmp(a, b, Swift.min(left.count, right.count))
        return order < 0 || (order == 0 && left.count < right.count)
      }
    }
  }
}
