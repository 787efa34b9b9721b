public import WeirTensors

extension DType {
  /// The elements of a run of bytes as numbers; none for a type that is not decoded.
  public func numbers(in bytes: UnsafeRawBufferPointer) -> [Double] {
    guard let kernel, let source = bytes.baseAddress else { return [] }
    var numbers = [Double](repeating: 0, count: bytes.count / byteCount)
    // SAFETY: there is room for as many numbers as elements are in the bytes.
    unsafe numbers.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { _ = unsafe Double.decode(kernel, start, source, buffer.count) }
    }
    return numbers
  }
}
