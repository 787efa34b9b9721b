/// Counts infinities among F16 numbers that were rounded from finite ones: what overflowed.
public enum InfinityScan {
  /// How many of `count` F16 numbers at `source` are infinite.
  public static func count(f16 source: UnsafeRawPointer, _ count: Int) -> Int {
    var total = 0
    // Sums of 16 bits keep to the numbers' own lanes, and a run this short cannot overflow them.
    for start in stride(from: 0, to: count, by: 1 << 15) {
      var found: UInt16 = 0
      for place in start..<min(start + 1 << 15, count) {
        // SAFETY: the caller says that `count` numbers stand there; they need not be aligned.
        let bits = unsafe source.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self)
        found &+= bits & 0x7FFF == 0x7C00 ? 1 : 0
      }
      total += Int(found)
    }
    return total
  }
}
