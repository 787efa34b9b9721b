/// A base edited with a weighted sum of task vectors.
enum TaskArithmetic: Method {
  private static let normalize = Parameter.flag("normalize", default: false, TaskVectors.normalize)

  static let declaration = MethodDeclaration(
    name: "task_arithmetic",
    summary: "Adds a weighted sum of task vectors to the base",
    formula: "out = θ₀ + λ · Σ wₖ·(θₖ − θ₀)            (normalize divides the sum by Σ wₖ)",
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [.weight, .lambda, normalize, TaskVectors.deltaRounding],
    source: "Ilharco et al., 2022, “Editing models with task arithmetic”, arXiv:2212.04089",
    example: #"{"op": "task_arithmetic", "base": "base", "models": ["math", "code"], "lambda": 0.4}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, merge.models.map(\.delta), election: nil, normalize: merge.flag(normalize), lambda: merge[.lambda])
  }
}
