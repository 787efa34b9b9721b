/// One input as it is, or scaled.
enum Passthrough: Method {
  private static let scale = Parameter.number("scale", default: 1, "factor; without it every byte is copied")

  static let declaration = MethodDeclaration(
    name: "passthrough",
    summary: "Hands one input on, byte for byte, or scaled where a scale is given",
    formula: "out = scale·θ",
    inputs: .models(base: .none, count: 1...1), signature: .uniform,
    parameters: [scale],
    source: "mergekit's passthrough",
    example: #"{"op": "passthrough", "models": ["a"], "scale": [{"for": "*.down_proj.*", "value": 0.5}, {"value": 1}]}"#
  )

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return model.value * merge[scale]
  }
}
