public import WeirTensors

/// An expression ready to be computed, tile by tile, anywhere in its tensor.
public struct Application: Sendable {
  let bound: BoundProgram

  /// The operand slots that it reads.
  public var slots: [Int] { bound.program.slots }
}

extension TileMachine {
  /// Computes elements of an output and encodes them.
  ///
  /// - Parameters:
  ///   - elements: which elements of the tensor.
  ///   - inputs: windows by operand slot that cover them.
  ///   - target: where the first of them goes; any alignment.
  ///   - dtype: the stored type, F64, F32, F16 or BF16, rounded to once.
  /// - Throws: ``NonFinite`` where an operand holds a NaN or an infinity and the application checks.
  public func apply(
    _ application: Application, to elements: Range<Int>, inputs: [InputWindow],
    into target: UnsafeMutableRawPointer, as dtype: DType
  ) throws(NonFinite) {
    let bound = application.bound
    let code = dtype.kernel ?? 0
    var first = elements.lowerBound
    while first < elements.upperBound {
      let count = min(tileLength, elements.upperBound - first)
      let place = unsafe target + (first - elements.lowerBound) * dtype.byteCount
      // SAFETY: the caller's target has room for all the elements.
      let isInPlace = unsafe setPlace(of: bound.program.outputs[0], to: place, dtype, bound.precision)
      defer { clearPlace() }
      try unsafe run(bound, first: first, count: count, inputs: inputs)
      first += count
      if isInPlace { continue }
      switch bound.precision {
      case .single: unsafe Float.encode(code, place, register(bound.program.outputs[0], as: Float.self), count)
      case .double: unsafe Double.encode(code, place, register(bound.program.outputs[0], as: Double.self), count)
      }
    }
  }
}
