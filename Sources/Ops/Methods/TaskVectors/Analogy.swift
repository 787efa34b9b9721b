/// “A is to B as C is to D”: what D would be.
enum Analogy: Method {
  static let declaration = MethodDeclaration(
    name: "analogy",
    summary: "Builds D from “A is to B as C is to D”, by three task vectors of one base",
    formula: "out = θ₀ + λ·(δ_C + δ_B − δ_A)              models are A, B, C in this order; δ = θ − θ₀",
    inputs: .models(base: .optional, count: 3...3), signature: .taskVectors,
    parameters: [.lambda, TaskVectors.deltaRounding],
    source: "Ilharco et al., 2022, “Editing models with task arithmetic”, arXiv:2212.04089, §5",
    example: #"{"op": "analogy", "base": "base", "models": ["a", "b", "c"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 3 else { throw .missingInput }
    let (a, b, c) = (merge.models[0].delta, merge.models[1].delta, merge.models[2].delta)
    return merge.applied((c + b - a) * merge[.lambda])
  }
}
