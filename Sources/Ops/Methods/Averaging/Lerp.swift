/// A straight line between two checkpoints (WiSE-FT).
enum Lerp: Method {
  private static let t = Parameter.number("t", default: 0.5, "place on the line: 0 is the base, 1 the model")

  static let declaration = MethodDeclaration(
    name: "lerp",
    summary: "Interpolates on the straight line from the base to one model",
    formula: "out = (1 − t)·θ₀ + t·θ₁",
    inputs: .models(base: .required, count: 1...1), signature: .uniform,
    parameters: [t],
    source: "Wortsman et al., 2021, “Robust fine-tuning of zero-shot models” (WiSE-FT), arXiv:2109.01903",
    example: #"{"op": "lerp", "base": "base", "models": ["tuned"], "t": 0.5}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let base = merge.base, let model = merge.models.first else { throw .missingInput }
    return base * (1 - merge[t]) + model.value * merge[t]
  }
}

extension MethodError {
  /// An input that the planner lets through only when it is optional for this tensor.
  static let missingInput = MethodError(
    "an input lacks this tensor, expected it in all; \"exclude\" it, so that it is copied")
}
