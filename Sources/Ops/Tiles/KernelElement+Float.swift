internal import CKernels

extension Float: KernelElement {
  typealias Key = UInt32
  var key: UInt64 { UInt64(magnitude.bitPattern) }
  var signedKey: UInt64 { UInt64(weir_signed_key_f32(self)) }
  init(signedKey: UInt64) {
    let bits = Key(truncatingIfNeeded: signedKey)
    let sign: Key = 1 << (Key(Key.bitWidth - 1))
    self.init(bitPattern: bits & sign != 0 ? bits ^ sign : ~bits)
  }

  static func decode(_ dtype: Int32, _ into: Tile, _ source: UnsafeRawPointer, _ count: Int) -> Int32 {
    unsafe weir_decode_f32(dtype, into, source, count)
  }
  static func difference(
    _ left: Int32, _ right: Int32, _ into: Tile, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int
  ) -> Int32 {
    unsafe weir_difference_f32(left, right, into, a, b, count)
  }
  static func decodeScaled(
    _ dtype: Int32, _ into: Tile, _ others: Tile?, _ source: UnsafeRawPointer, _ scale: Float, _ count: Int
  ) -> Int32 {
    unsafe weir_decode_scaled_f32(dtype, into, others, source, scale, count)
  }
  static func loadPlanes(_ into: Tile, _ planes: UnsafePointer<weir_plane_window>, _ first: Int, _ count: Int) {
    unsafe weir_load_planes_f32(into, planes, first, count)
  }
  static func encode(_ dtype: Int32, _ target: UnsafeMutableRawPointer, _ tile: Tile, _ count: Int) {
    unsafe weir_encode_f32(dtype, target, tile, count)
  }
  static func round(_ dtype: Int32, _ into: Tile, _ a: Tile, _ count: Int) {
    unsafe weir_round_f32(dtype, into, a, count)
  }
  static func fill(_ into: Tile, _ value: Float, _ count: Int) { unsafe weir_fill_f32(into, value, count) }
  static func unary(_ operation: Int32, _ into: Tile, _ a: Tile, _ count: Int) {
    unsafe weir_unary_f32(operation, into, a, count)
  }
  static func binary(_ operation: Int32, _ into: Tile, _ a: Tile, _ b: Tile, _ count: Int) {
    unsafe weir_binary_f32(operation, into, a, b, count)
  }
  static func binaryRight(_ operation: Int32, _ into: Tile, _ a: Tile, _ b: Float, _ count: Int) {
    unsafe weir_binary_right_f32(operation, into, a, b, count)
  }
  static func binaryLeft(_ operation: Int32, _ into: Tile, _ a: Float, _ b: Tile, _ count: Int) {
    unsafe weir_binary_left_f32(operation, into, a, b, count)
  }
  static func addScaled(_ into: Tile, _ a: Tile, _ b: Tile, _ scale: Float, _ count: Int) {
    unsafe weir_add_scaled_f32(into, a, b, scale, count)
  }
  static func electedSum(
    _ into: Tile, _ values: UnsafeMutableBufferPointer<UnsafePointer<Float>?>,
    _ least: UnsafeMutableBufferPointer<Key>, _ weights: UnsafeMutableBufferPointer<Float>,
    _ normalize: Bool, _ count: Int
  ) {
    unsafe weir_elected_sum_f32(
      into, values.baseAddress, least.baseAddress, weights.baseAddress, weights.count, normalize ? 1 : 0, count)
  }
  static func electedPlanes(
    _ into: Tile, _ planes: UnsafeMutableBufferPointer<UnsafePointer<weir_plane_window>?>,
    _ weights: UnsafeMutableBufferPointer<Float>, _ normalize: Bool, _ first: Int, _ count: Int
  ) {
    unsafe weir_elected_planes_f32(
      into, planes.baseAddress, weights.baseAddress, weights.count, normalize ? 1 : 0, first, count)
  }
  static func select(_ into: Tile, _ mask: Tile, _ a: Tile, _ b: Tile, _ count: Int) {
    unsafe weir_select_f32(into, mask, a, b, count)
  }
  static func selectRight(_ into: Tile, _ mask: Tile, _ a: Tile, _ b: Float, _ count: Int) {
    unsafe weir_select_right_f32(into, mask, a, b, count)
  }
  static func selectLeft(_ into: Tile, _ mask: Tile, _ a: Float, _ b: Tile, _ count: Int) {
    unsafe weir_select_left_f32(into, mask, a, b, count)
  }
  static func trim(_ into: Tile, _ a: Tile, _ least: UInt64, _ count: Int) {
    unsafe weir_trim_f32(into, a, Key(clamping: least), count)
  }
  static func trimSign(_ into: Tile, _ a: Tile, _ least: UInt64, _ scale: Float, _ count: Int) {
    unsafe weir_trim_sign_f32(into, a, Key(clamping: least), scale, count)
  }
  static func drop(_ into: Tile, _ a: Tile, _ mask: RandomMask, _ first: Int, _ count: Int) {
    unsafe weir_drop_f32(into, a, mask.key, UInt64(first), mask.limit, count)
  }
  static func sum(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ phase: Int, _ count: Int) {
    unsafe weir_sum_f32(lanes, a, phase, count)
  }
  static func dot(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ b: Tile, _ phase: Int, _ count: Int) {
    unsafe weir_dot_f32(lanes, a, b, phase, count)
  }
  static func products(
    _ aa: UnsafeMutablePointer<Double>, _ ab: UnsafeMutablePointer<Double>, _ bb: UnsafeMutablePointer<Double>,
    _ a: Tile, _ b: Tile, _ phase: Int, _ count: Int
  ) {
    unsafe weir_products_f32(aa, ab, bb, a, b, phase, count)
  }
  static func max(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ phase: Int, _ count: Int) {
    unsafe weir_max_f32(lanes, a, phase, count)
  }
  static func columnSum(_ sums: UnsafeMutablePointer<Double>, _ a: Tile, _ column: Int, _ columns: Int, _ count: Int) {
    unsafe weir_column_sum_f32(sums, a, column, columns, count)
  }
  static func columnDot(
    _ sums: UnsafeMutablePointer<Double>, _ a: Tile, _ b: Tile, _ column: Int, _ columns: Int, _ count: Int
  ) {
    unsafe weir_column_dot_f32(sums, a, b, column, columns, count)
  }
  static func countKeys(
    _ a: Tile, _ count: Int, _ round: Selector.Round, _ bins: UnsafeMutablePointer<UInt32>,
    _ above: UnsafeMutablePointer<UInt64>
  ) {
    unsafe weir_count_keys_f32(
      a, count, round.isSigned ? 1 : 0, Key(round.lower), Key(round.upper), Int32(round.shift), bins, above)
  }
}
