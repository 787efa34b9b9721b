internal import CKernels
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
    if let sum = bound.lastSum, bound.precision == .single, bound.dtypes[sum.slot] == code,
      dtype == .bf16 || dtype == .f16
    {
      return try unsafe store(sum, of: bound, elements, inputs, into: target, code)
    }
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

  /// Computes elements of an output whose last instruction adds an operand of the type in which it is stored: that is decoded, added
  /// and encoded in one step.
  private func store(
    _ sum: BoundProgram.Sum, of bound: BoundProgram, _ elements: Range<Int>, _ inputs: [InputWindow],
    into target: UnsafeMutableRawPointer, _ dtype: Int32
  ) throws(NonFinite) {
    for first in stride(from: elements.lowerBound, to: elements.upperBound, by: tileLength) {
      let count = min(tileLength, elements.upperBound - first)
      try unsafe run(bound, first: first, count: count, inputs: inputs, end: bound.program.instructions.count - 1)
      let tile: UnsafeMutablePointer<Float> = unsafe register(sum.tile, as: Float.self)
      // SAFETY: the slot's window covers the elements, and the caller's target has room for all of them; both types have two bytes.
      let source = unsafe inputs[sum.slot].address + (first - inputs[sum.slot].first) * 2
      let special = unsafe weir_store_added_f32(
        dtype, target + (first - elements.lowerBound) * 2, tile, source, Float(sum.scale), count)
      if special != 0, bound.checksFinite { try unsafe refuse(bound, sum.slot, first, tile, count, source) }
    }
  }

  /// Computes elements of an output, and hands each tile on as Float32.
  ///
  /// - Parameters:
  ///   - elements: which elements of the tensor.
  ///   - inputs: windows by operand slot that cover them.
  ///   - body: takes a tile and the index of its first element; the tile is valid during the call.
  /// - Throws: ``NonFinite`` where an operand holds a NaN or an infinity and the application checks.
  public func forEachTile(
    _ application: Application, of elements: Range<Int>, inputs: [InputWindow],
    _ body: (UnsafeBufferPointer<Float>, Int) -> Void
  ) throws(NonFinite) {
    let bound = application.bound
    for first in stride(from: elements.lowerBound, to: elements.upperBound, by: tileLength) {
      let count = min(tileLength, elements.upperBound - first)
      try unsafe run(bound, first: first, count: count, inputs: inputs)
      switch bound.precision {
      case .single: unsafe body(UnsafeBufferPointer(start: output(0, of: bound), count: count), first)
      case .double:
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { tile in
          // SAFETY: the tile has room for as many floats.
          unsafe Double.encode(
            DType.f32.kernel ?? 0, UnsafeMutableRawBufferPointer(tile).baseAddress.unsafelyUnwrapped,
            register(bound.program.outputs[0], as: Double.self), count)
          unsafe body(UnsafeBufferPointer(tile), first)
        }
      }
    }
  }
}
