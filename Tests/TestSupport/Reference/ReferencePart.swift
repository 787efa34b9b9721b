/// One tensor of a model whose tensors are laid end to end.
public struct ReferencePart: Sendable {
  public let name: String
  public let shape: [Int]

  public init(_ name: String, _ shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  var count: Int { shape.reduce(1, *) }

  /// The number in `layers.N.`, where the name has it.
  var layer: Int? {
    let words = name.split(separator: ".")
    return words.lastIndex(of: "layers").flatMap { $0 + 1 < words.count ? Int(words[$0 + 1]) : nil }
  }
}

extension ReferenceMerge {
  /// The parts, or the one tensor that there is.
  var tensors: [ReferencePart] { parts.isEmpty ? [ReferencePart(name, shape)] : parts }

  /// One of the parts' elements.
  func slices(_ values: [Double]) -> [[Double]] {
    var start = 0
    return tensors.map { part in
      defer { start += part.count }
      return Array(values[start..<start + part.count])
    }
  }

  /// The same merge of each part alone, the results laid end to end.
  func eachPart(_ body: (ReferenceMerge) -> [Double]?) -> [Double]? {
    let bases = base.map(slices)
    let slicedModels = models.map(slices)
    let slicedSides = sides.mapValues { $0.map(slices) }
    var result: [Double] = []
    for (number, part) in tensors.enumerated() {
      var merge = self
      merge.base = bases?[number]
      merge.models = slicedModels.map { $0[number] }
      merge.sides = slicedSides.mapValues { $0.map { $0[number] } }
      (merge.shape, merge.name, merge.parts, merge.allParts) = (part.shape, part.name, [], tensors)
      guard let values = body(merge) else { return nil }
      result += values
    }
    return result
  }
}
