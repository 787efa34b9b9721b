internal import WeirTensors

/// `|a|`
enum Absolute: Method {
  static let declaration = MethodDeclaration(
    name: "abs", summary: "Takes magnitudes", formula: "out = |a|",
    inputs: .list(1...1), signature: .uniform, isPrimitive: true, example: #"{"op": "abs", "inputs": ["change"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return magnitude(model.value)
  }
}

/// `sgn a`
enum Sign: Method {
  static let declaration = MethodDeclaration(
    name: "sign", summary: "Takes signs: 1, −1, and 0 for a zero", formula: "out = sgn a",
    inputs: .list(1...1), signature: .uniform, isPrimitive: true, example: #"{"op": "sign", "inputs": ["change"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return sign(model.value)
  }
}

/// The smallest of the inputs, element by element.
enum Minimum: Method {
  static let declaration = MethodDeclaration(
    name: "minimum", summary: "Takes the smallest of the inputs, element by element", formula: "out = min(a, b, …)",
    inputs: .list(2...1024), signature: .uniform, isPrimitive: true,
    example: #"{"op": "minimum", "inputs": ["a", "b"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let first = merge.models.first?.value else { throw .missingInput }
    return merge.models.dropFirst().reduce(first) { minimum($0, $1.value) }
  }
}

/// The largest of the inputs, element by element.
enum Maximum: Method {
  static let declaration = MethodDeclaration(
    name: "maximum", summary: "Takes the largest of the inputs, element by element", formula: "out = max(a, b, …)",
    inputs: .list(2...1024), signature: .uniform, isPrimitive: true,
    example: #"{"op": "maximum", "inputs": ["a", "b"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let first = merge.models.first?.value else { throw .missingInput }
    return merge.models.dropFirst().reduce(first) { maximum($0, $1.value) }
  }
}

/// Elements limited to an interval.
enum Clip: Method {
  private static let lower = Parameter.number("min", "smallest element")
  private static let upper = Parameter.number("max", "largest element")

  static let declaration = MethodDeclaration(
    name: "clip", summary: "Limits elements to an interval", formula: "out = min(max(a, min), max)",
    inputs: .list(1...1), signature: .uniform, parameters: [lower, upper], isPrimitive: true,
    example: #"{"op": "clip", "inputs": ["change"], "min": -0.01, "max": 0.01}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    guard merge[lower] <= merge[upper] else {
      throw MethodError("'min' \(merge[lower]) is above 'max' \(merge[upper]), expected min ≤ max")
    }
    return minimum(maximum(model.value, merge[lower]), model.value.graph.constant(merge[upper]))
  }
}

/// Elements rounded to a storage type in the middle of a graph.
enum Cast: Method {
  private static let dtype = Parameter.choice(
    "dtype", of: DType.outputNames, default: nil, "type to whose values elements are rounded")

  static let declaration = MethodDeclaration(
    name: "cast", summary: "Rounds elements to what a storage type can hold, to nearest even",
    formula: "out = round(a)",
    inputs: .list(1...1), signature: .uniform, parameters: [dtype], isPrimitive: true,
    example: #"{"op": "cast", "inputs": ["change"], "dtype": "bf16"}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return DType(outputName: merge.choice(dtype)).map { rounded(model.value, to: $0) } ?? model.value
  }
}
