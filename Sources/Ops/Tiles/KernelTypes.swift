internal import CKernels
internal import WeirTensors

extension DType {
  /// The number by which the kernels know the type: mergeable ones, and bytes, which are only read.
  var kernel: Int32? {
    switch self {
    case .f32: Int32(WEIR_F32.rawValue)
    case .f16: Int32(WEIR_F16.rawValue)
    case .bf16: Int32(WEIR_BF16.rawValue)
    case .f64: Int32(WEIR_F64.rawValue)
    case .u8, .bool: Int32(WEIR_U8.rawValue)
    default: nil
    }
  }
}

/// An input's place in memory for one window of elements.
///
/// - Note: A pointer lives as long as the window that it was taken from; the holder closes the window after the last tile.
@unsafe public struct InputWindow {
  /// The address of the element with flat index `first`.
  let address: UnsafeRawPointer
  let first: Int

  public init(address: UnsafeRawPointer, first: Int) {
    unsafe self.address = address
    unsafe self.first = first
  }
}

/// A value that is not a finite number where one is needed.
public struct NonFinite: Error, Equatable, Sendable {
  public let slot: Int
  public let element: Int
  public let value: Double
}
