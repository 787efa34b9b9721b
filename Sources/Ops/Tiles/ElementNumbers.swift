public import WeirTensors

extension DType {
  /// The elements of a run of bytes as numbers; none for a type that is not decoded.
  public func numbers(in bytes: UnsafeRawBufferPointer) -> [Double] {
    guard kernel != nil, let source = bytes.baseAddress else { return [] }
    var numbers = [Double](repeating: 0, count: bytes.count / byteCount)
    // SAFETY: there is room for as many numbers as elements are in the bytes.
    unsafe numbers.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { unsafe decode(source, count: buffer.count, into: start) }
    }
    return numbers
  }

  /// Decodes elements to Float32; nothing for a type that is not decoded.
  public func decode(_ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Float>) {
    if let kernel { _ = unsafe Float.decode(kernel, target, source, count) }
  }

  /// Decodes elements to Double; nothing for a type that is not decoded.
  public func decode(_ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Double>) {
    if let kernel { _ = unsafe Double.decode(kernel, target, source, count) }
  }
}
