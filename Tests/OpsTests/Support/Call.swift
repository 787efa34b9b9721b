import TestSupport
import WeirTensors

@testable import WeirOps

/// A method called as a pipeline would, on one tensor or on a model of several.
struct Call: Sendable {
  var base: [Double]?
  var models: [[Double]]
  var shape: [Int]?
  var numbers: [String: Double] = [:]
  var perModel: [String: [Double]] = [:]
  var flags: [String: Bool] = [:]
  var choices: [String: String] = [:]
  var name = "w"
  /// The tensors into which the numbers are cut; one, `name` of `shape`, where there are none.
  var parts: [ReferencePart] = []

  func run(_ method: String, cut: Cut = Cut(), double: Bool = true) throws -> [Double] {
    guard let type = MethodRegistry.method(named: method) else { throw MethodError("no method '\(method)'") }
    let all = parts.isEmpty ? [ReferencePart(name, shape ?? [models[0].count])] : parts
    let catalogue = Catalogue(try all.map { TensorInfo(name: $0.name, dtype: .f64, shape: try shape(of: $0)) })
    var start = 0
    let tensors = try all.enumerated().map { number, part in
      let slice = start..<start + part.shape.reduce(1, *)
      start = slice.upperBound
      return try tensor(type, number, catalogue, slice, double)
    }
    return try evaluate(tensors, cut: cut, double: double).flatMap { $0 }
  }

  private func shape(of part: ReferencePart) throws -> Shape {
    guard let shape = Shape(part.shape) else { throw MethodError("no shape \(part.shape)") }
    return shape
  }

  /// The expression of one of the tensors.
  private func tensor(
    _ type: any Method.Type, _ number: Int, _ catalogue: Catalogue, _ slice: Range<Int>, _ double: Bool
  ) throws -> Tensor {
    let graph = ExpressionGraph()
    let info = catalogue.tensors[number]
    let operands = (base.map { [Array($0[slice])] } ?? []) + models.map { Array($0[slice]) }
    let offset = base == nil ? 0 : 1
    let merge = Merge(
      node: "node", tensor: TensorInfo(name: info.name, dtype: double ? .f64 : .f32, shape: info.shape),
      tensorIndex: number, placement: catalogue.placement(of: info.name), base: base.map { _ in graph.input(0) },
      models: models.indices.map { index in
        (
          index: index, value: graph.input(index + offset), isDelta: false,
          numbers: numbers.merging(perModel.mapValues { $0[index] }) { $1 }
        )
      }, modelElementCount: models[0].count, numbers: numbers, flags: flags, choices: choices)
    return Tensor(root: try type.merge(merge), operands: operands, shape: info.shape)
  }

  /// The same call of the plain reference.
  var reference: ReferenceMerge {
    var merge = ReferenceMerge(base: base, models: models, shape: shape ?? [models[0].count])
    merge.name = name
    merge.parts = parts
    (merge.numbers, merge.perModel, merge.flags, merge.choices) = (numbers, perModel, flags, choices)
    return merge
  }
}
