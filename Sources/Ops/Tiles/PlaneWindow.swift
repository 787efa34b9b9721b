internal import CKernels

/// The window on a block whose elements are 0 or a signed scale, given as bit planes: tiles are expanded from the bits.
@safe public final class PlaneWindow {
  /// What stands in the place of an element type.
  static let kernel: Int32 = -1

  private let memory: UnsafeMutablePointer<weir_plane_window>

  public init() {
    unsafe memory = .allocate(capacity: 1)
    unsafe memory.initialize(
      to: weir_plane_window(mask: nil, sign: nil, scales: nil, row_length: 0, first_column: 0))
  }

  deinit { unsafe memory.deallocate() }

  /// Points the window at a block.
  ///
  /// - Parameters:
  ///   - mask, sign: one bit per element of the block, element i at bit i % 64 of word i / 64.
  ///   - scales: one, or one per row of which the block has a part where `isPerRow`.
  ///   - rowLength: elements of a row of the tensor.
  ///   - first: the flat index of the block's first element.
  /// - Returns: the window, which lives as long as the planes and this object do, until the next call.
  public func open(
    mask: UnsafePointer<UInt64>, sign: UnsafePointer<UInt64>, scales: UnsafePointer<Float>, isPerRow: Bool,
    rowLength: Int, first: Int
  ) -> InputWindow {
    // SAFETY: the structure is this object's own; what it points at is the caller's to keep.
    unsafe memory.pointee = weir_plane_window(
      mask: mask, sign: sign, scales: scales, row_length: isPerRow ? rowLength : 0, first_column: first % rowLength)
    return unsafe InputWindow(address: UnsafeRawPointer(memory), first: first)
  }
}
