/// A step beyond a fine-tune, along its own task vector (ExPO).
enum Extrapolate: Method {
  private static let alpha = Parameter.number(
    "alpha", default: 0.1, "length of the step beyond the model, in task vectors")

  static let declaration = MethodDeclaration(
    name: "extrapolate",
    summary: "Goes beyond a fine-tune along the line from its base (ExPO)",
    formula: "out = θ₁ + α·(θ₁ − θ₀)",
    inputs: .models(base: .required, count: 1...1), signature: .uniform,
    parameters: [alpha],
    source: "Zheng et al., 2024, “Weak-to-strong extrapolation expedites alignment”, arXiv:2404.16792",
    example: #"{"op": "extrapolate", "base": "sft", "models": ["dpo"], "alpha": 0.3}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return model.value + model.delta * merge[alpha]
  }
}
