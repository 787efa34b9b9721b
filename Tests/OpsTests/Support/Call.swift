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
  /// What parameters name beside the models: one set of tensors for each model, or one for the node.
  var sides: [String: [[Double]]] = [:]
  /// For each model, the numbers of each tensor that has some.
  var coefficients: [[String: [Double]]] = []
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
    let (sides, sideOperands) = sides(type.declaration, graph, info.name, slice, slot: operands.count)
    let merge = Merge(
      node: "node", tensor: TensorInfo(name: info.name, dtype: double ? .f64 : .f32, shape: info.shape),
      tensorIndex: number, placement: catalogue.placement(of: info.name), base: base.map { _ in graph.input(0) },
      models: models.indices.map { index in
        (
          index: index, value: graph.input(index + offset), isDelta: false,
          numbers: numbers.merging(perModel.mapValues { $0[index] }) { $1 }
        )
      }, modelElementCount: models[0].count, numbers: numbers, flags: flags, choices: choices,
      sides: sides)
    return Tensor(root: try type.merge(merge), operands: operands + sideOperands, shape: info.shape)
  }

  /// The values of what stands beside the models for one tensor, and their operands, from `slot` on.
  private func sides(
    _ declaration: MethodDeclaration, _ graph: ExpressionGraph, _ tensor: String, _ slice: Range<Int>, slot: Int
  ) -> (Merge.Sides, [[Double]]) {
    var result = Merge.Sides()
    var operands: [[Double]] = []
    for (name, values) in sides.sorted(by: { $0.key < $1.key }) {
      for (model, values) in values.enumerated() {
        let key = Merge.Sides.Key(name, model: declaration[parameter: name]?.isPerModel == true ? model : nil)
        result.tensors[key] = graph.input(slot + operands.count)
        operands.append(Array(values[slice]))
      }
    }
    for (model, numbers) in coefficients.enumerated() {
      result.coefficients[Merge.Sides.Key("coefficients", model: model)] = numbers[tensor]
    }
    return (result, operands)
  }

  /// The same call of the plain reference.
  var reference: ReferenceMerge {
    var merge = ReferenceMerge(base: base, models: models, shape: shape ?? [models[0].count])
    merge.name = name
    merge.parts = parts
    (merge.numbers, merge.perModel, merge.flags, merge.choices) = (numbers, perModel, flags, choices)
    (merge.sides, merge.coefficients) = (sides, coefficients)
    return merge
  }
}
