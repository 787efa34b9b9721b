internal import CKernels

/// The kernels of ranks and random numbers.
extension Float {
  static func keys(_ into: UnsafeMutablePointer<Key>, _ a: Tile, _ count: Int) {
    unsafe weir_keys_f32(into, a, count)
  }
  static func rankScratch(_ count: Int) -> Int { weir_rank_scratch_f32(count) }
  static func rank(
    _ keys: UnsafePointer<Key>, _ count: Int, group: Int, stride: Int, _ ranks: UnsafeMutablePointer<UInt32>,
    _ scratch: UnsafeMutableRawPointer
  ) {
    unsafe weir_rank_f32(keys, count, group, stride, ranks, scratch)
  }
  static func countBefore(
    _ keys: UnsafePointer<Key>, _ count: Int, step: Int, _ sorted: UnsafePointer<Key>, _ sortedCount: Int,
    countsEqual: Bool, _ counts: UnsafeMutablePointer<UInt32>
  ) {
    unsafe weir_count_before_f32(keys, count, step, sorted, sortedCount, countsEqual ? 1 : 0, counts)
  }
  static func ranks(_ into: Tile, _ ranks: UnsafePointer<UInt32>, _ count: Int) {
    unsafe weir_from_ranks_f32(into, ranks, count)
  }
  static func random(_ into: Tile, _ key: UInt64, _ first: Int, _ count: Int) {
    unsafe weir_random_f32(into, key, UInt64(first), count)
  }
}

/// The kernels of ranks and random numbers.
extension Double {
  static func keys(_ into: UnsafeMutablePointer<Key>, _ a: Tile, _ count: Int) {
    unsafe weir_keys_f64(into, a, count)
  }
  static func rankScratch(_ count: Int) -> Int { weir_rank_scratch_f64(count) }
  static func rank(
    _ keys: UnsafePointer<Key>, _ count: Int, group: Int, stride: Int, _ ranks: UnsafeMutablePointer<UInt32>,
    _ scratch: UnsafeMutableRawPointer
  ) {
    unsafe weir_rank_f64(keys, count, group, stride, ranks, scratch)
  }
  static func countBefore(
    _ keys: UnsafePointer<Key>, _ count: Int, step: Int, _ sorted: UnsafePointer<Key>, _ sortedCount: Int,
    countsEqual: Bool, _ counts: UnsafeMutablePointer<UInt32>
  ) {
    unsafe weir_count_before_f64(keys, count, step, sorted, sortedCount, countsEqual ? 1 : 0, counts)
  }
  static func ranks(_ into: Tile, _ ranks: UnsafePointer<UInt32>, _ count: Int) {
    unsafe weir_from_ranks_f64(into, ranks, count)
  }
  static func random(_ into: Tile, _ key: UInt64, _ first: Int, _ count: Int) {
    unsafe weir_random_f64(into, key, UInt64(first), count)
  }
}
