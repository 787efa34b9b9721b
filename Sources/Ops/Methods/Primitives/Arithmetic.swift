/// `a − b`: of two weights, the task vector.
enum Subtract: Method {
  static let declaration = MethodDeclaration(
    name: "subtract", summary: "Subtracts the second input from the first", formula: "out = a − b",
    inputs: .list(2...2), signature: .difference, isPrimitive: true,
    example: #"{"op": "subtract", "inputs": ["tuned", "base"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 2 else { throw .missingInput }
    return merge.models[0].value - merge.models[1].value
  }
}

/// `a + b + …`
enum Add: Method {
  static let declaration = MethodDeclaration(
    name: "add", summary: "Adds inputs: deltas to each other, or to one weight", formula: "out = a + b + …",
    inputs: .list(2...1024), signature: .sum, isPrimitive: true,
    example: #"{"op": "add", "inputs": ["base", "change"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value { try Weights.sum(merge.models.map(\.value)) }
}

/// `factor · a`
enum Scale: Method {
  private static let factor = Parameter.number("factor", "what every element is multiplied by")

  static let declaration = MethodDeclaration(
    name: "scale", summary: "Multiplies every element by a factor", formula: "out = factor·a",
    inputs: .list(1...1), signature: .uniform, parameters: [factor], isPrimitive: true,
    example: #"{"op": "scale", "inputs": ["change"], "factor": {"ramp": [0.2, 1]}}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return model.value * merge[factor]
  }
}

/// `a · b · …`, element by element.
enum Multiply: Method {
  static let declaration = MethodDeclaration(
    name: "multiply", summary: "Multiplies inputs element by element, as a mask does", formula: "out = a·b·…",
    inputs: .list(2...1024), signature: .selection, isPrimitive: true,
    example: #"{"op": "multiply", "inputs": ["mask", "change"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let first = merge.models.first?.value else { throw .missingInput }
    return merge.models.dropFirst().reduce(first) { $0 * $1.value }
  }
}

/// The plain average.
enum Mean: Method {
  static let declaration = MethodDeclaration(
    name: "mean", summary: "Averages inputs", formula: "out = (a + b + …) / n",
    inputs: .list(1...1024), signature: .uniform, isPrimitive: true,
    example: #"{"op": "mean", "inputs": ["a", "b", "c"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try Weights.sum(merge.models.map(\.value)) / Double(merge.models.count)
  }
}
