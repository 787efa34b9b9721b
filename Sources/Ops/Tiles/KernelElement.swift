internal import CKernels

/// The kernels of one working type, by the names that they have in C.
protocol KernelElement: BinaryFloatingPoint, Sendable {
  associatedtype Key: FixedWidthInteger & UnsignedInteger
  typealias Tile = UnsafeMutablePointer<Self>

  static func decode(_ dtype: Int32, _ into: Tile, _ source: UnsafeRawPointer, _ count: Int) -> Int32
  static func difference(
    _ left: Int32, _ right: Int32, _ into: Tile, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int
  ) -> Int32
  static func decodeScaled(
    _ dtype: Int32, _ into: Tile, _ others: Tile?, _ source: UnsafeRawPointer, _ scale: Self, _ count: Int
  ) -> Int32
  static func loadPlanes(_ into: Tile, _ planes: UnsafePointer<weir_plane_window>, _ first: Int, _ count: Int)
  static func encode(_ dtype: Int32, _ target: UnsafeMutableRawPointer, _ tile: Tile, _ count: Int)
  static func round(_ dtype: Int32, _ into: Tile, _ a: Tile, _ count: Int)
  static func fill(_ into: Tile, _ value: Self, _ count: Int)
  static func unary(_ operation: Int32, _ into: Tile, _ a: Tile, _ count: Int)
  static func binary(_ operation: Int32, _ into: Tile, _ a: Tile, _ b: Tile, _ count: Int)
  static func binaryRight(_ operation: Int32, _ into: Tile, _ a: Tile, _ b: Self, _ count: Int)
  static func binaryLeft(_ operation: Int32, _ into: Tile, _ a: Self, _ b: Tile, _ count: Int)
  static func addScaled(_ into: Tile, _ a: Tile, _ b: Tile, _ scale: Self, _ count: Int)
  static func electedSum(
    _ into: Tile, _ values: UnsafeMutableBufferPointer<UnsafePointer<Self>?>,
    _ least: UnsafeMutableBufferPointer<Key>, _ weights: UnsafeMutableBufferPointer<Self>,
    _ normalize: Bool, _ count: Int)
  static func electedPlanes(
    _ into: Tile, _ planes: UnsafeMutableBufferPointer<UnsafePointer<weir_plane_window>?>,
    _ weights: UnsafeMutableBufferPointer<Self>, _ normalize: Bool, _ first: Int, _ count: Int)
  static func select(_ into: Tile, _ mask: Tile, _ a: Tile, _ b: Tile, _ count: Int)
  static func selectRight(_ into: Tile, _ mask: Tile, _ a: Tile, _ b: Self, _ count: Int)
  static func selectLeft(_ into: Tile, _ mask: Tile, _ a: Self, _ b: Tile, _ count: Int)
  static func trim(_ into: Tile, _ a: Tile, _ least: UInt64, _ count: Int)
  static func trimSign(_ into: Tile, _ a: Tile, _ least: UInt64, _ scale: Self, _ count: Int)
  static func drop(_ into: Tile, _ a: Tile, _ mask: RandomMask, _ first: Int, _ count: Int)
  static func sum(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ phase: Int, _ count: Int)
  static func dot(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ b: Tile, _ phase: Int, _ count: Int)
  static func products(
    _ aa: UnsafeMutablePointer<Double>, _ ab: UnsafeMutablePointer<Double>, _ bb: UnsafeMutablePointer<Double>,
    _ a: Tile, _ b: Tile, _ phase: Int, _ count: Int)
  static func max(_ lanes: UnsafeMutablePointer<Double>, _ a: Tile, _ phase: Int, _ count: Int)
  static func columnSum(_ sums: UnsafeMutablePointer<Double>, _ a: Tile, _ column: Int, _ columns: Int, _ count: Int)
  static func columnDot(
    _ sums: UnsafeMutablePointer<Double>, _ a: Tile, _ b: Tile, _ column: Int, _ columns: Int, _ count: Int)
  static func countKeys(
    _ a: Tile, _ count: Int, _ round: Selector.Round, _ bins: UnsafeMutablePointer<UInt32>,
    _ above: UnsafeMutablePointer<UInt64>)

  static func keys(_ into: UnsafeMutablePointer<Key>, _ a: Tile, _ count: Int)
  /// Bytes that the ranking of so many keys needs.
  static func rankScratch(_ count: Int) -> Int
  static func rank(
    _ keys: UnsafePointer<Key>, _ count: Int, group: Int, stride: Int, _ ranks: UnsafeMutablePointer<UInt32>,
    _ scratch: UnsafeMutableRawPointer)
  static func countBefore(
    _ keys: UnsafePointer<Key>, _ count: Int, step: Int, _ sorted: UnsafePointer<Key>, _ sortedCount: Int,
    countsEqual: Bool, _ counts: UnsafeMutablePointer<UInt32>)
  static func ranks(_ into: Tile, _ ranks: UnsafePointer<UInt32>, _ count: Int)
  static func random(_ into: Tile, _ key: UInt64, _ first: Int, _ count: Int)

  /// The magnitude key of one number.
  var key: UInt64 { get }
  /// The key of one number whose sign counts, and the number of such a key.
  var signedKey: UInt64 { get }
  init(signedKey: UInt64)
}
