/// Forgetting: a task vector taken away from the base.
enum Negate: Method {
  static let declaration = MethodDeclaration(
    name: "negate",
    summary: "Takes a task vector away from the base, so that the task is forgotten",
    formula: "out = θ₀ − λ·(θ₁ − θ₀)",
    inputs: .models(base: .optional, count: 1...1), signature: .taskVectors,
    parameters: [.lambda, TaskVectors.deltaRounding],
    source: "Ilharco et al., 2022, “Editing models with task arithmetic”, arXiv:2212.04089, §3",
    example: #"{"op": "negate", "base": "base", "models": ["toxic"], "lambda": 0.5}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return merge.applied(model.delta * -merge[.lambda])
  }
}
