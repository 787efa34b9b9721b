internal import CKernels

/// Counts infinities among F16 numbers that were rounded from finite ones: what overflowed.
public enum InfinityScan {
  /// How many of `count` F16 numbers at `source` are infinite.
  public static func count(f16 source: UnsafeRawPointer, _ count: Int) -> Int {
    // SAFETY: the caller says that `count` numbers stand there; they need not be aligned.
    unsafe weir_count_infinite_f16(source, count)
  }
}
