internal import WeirTensors

/// What a method asks of the places that elements have among others, and of chance.
extension Merge {
  /// The whole of the tensor as one slice.
  var wholeSlice: Slices { Slices(length: tensor.elementCount, stride: 1) }

  /// Slices along the last axis.
  var rows: Slices { slices(axis: tensor.shape.extents.count - 1) }

  /// Slices along an axis, or along the last where the tensor has fewer.
  func slices(axis: Int) -> Slices {
    let extents = tensor.shape.extents
    let axis = min(axis, extents.count - 1)
    guard axis >= 0 else { return wholeSlice }
    return Slices(length: extents[axis], stride: extents[(axis + 1)...].reduce(1, *))
  }

  /// The place, from 0, of each element among the magnitudes of its slice in ascending order; of equal ones the first has the
  /// lowest.
  func magnitudeRanks(_ value: Value, along slices: Slices) -> Value {
    guard slices.length > 1, tensor.elementCount > 0 else { return value.graph.constant(0) }
    return Value(graph: value.graph, index: value.graph.insert(.ranked(value.index, slices)))
  }

  /// A number in [0, 1) for each element, by (seed, tensor name, model, element): the one that ``drop(_:of:density:seed:)``
  /// compares with a density.
  func random(for model: Int, seed: Int, like value: Value) -> Value {
    let stream = RandomMask(seed: UInt64(bitPattern: Int64(seed)), tensor: tensor.name, model: model, density: 1)
    return Value(graph: value.graph, index: value.graph.insert(.random(key: stream.key)))
  }
}
