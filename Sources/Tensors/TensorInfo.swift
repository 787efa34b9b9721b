/// What is known of a tensor without reading it.
public struct TensorInfo: Hashable, Sendable {
  public let name: String
  public let dtype: DType
  public let shape: Shape

  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  public var elementCount: Int { shape.elementCount }

  /// Bytes of the tensor's data. Cannot overflow: opening a checkpoint limits its elements to 2^50 in all, and an
  /// element has at most eight bytes.
  public var byteCount: Int { shape.elementCount &* dtype.byteCount }
}
