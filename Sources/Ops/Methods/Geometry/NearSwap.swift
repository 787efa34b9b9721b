/// A base moved towards a model, no element by more than a given length.
enum NearSwap: Method {
  private static let t = Parameter.number(
    "t", in: .nonNegative, "the longest step of an element, in units of the weights; 1e-4 is usual")
  private static let floor = Parameter.choice(
    "floor", of: ["none", "mergekit"], default: "none",
    "mergekit divides by at least 1e-6, so that for a smaller t steps shrink with the distance")

  static let declaration = MethodDeclaration(
    name: "nearswap",
    summary: "Replaces the elements of the base by those of a model where they are near, and moves the others a step",
    formula: """
      out = θ₀ + min(max(θ₁ − θ₀, −t), t)               which is (1 − w)·θ₀ + w·θ₁ with w = min(t / |θ₁ − θ₀|, 1)
      """,
    inputs: .models(base: .required, count: 1...1), signature: .uniform,
    parameters: [t, floor],
    source: "mergekit's nearswap (Goddard et al., 2024, arXiv:2403.13257)",
    differs: [
      "The step is clamped instead of a quotient multiplied, so that an element within reach becomes the model's own."
    ],
    example: #"{"op": "nearswap", "base": "base", "models": ["tuned"], "t": 0.0001}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let base = merge.base, let model = merge.models.first else { throw .missingInput }
    let reach = merge[t]
    if merge.choice(floor) == "mergekit", reach < 1e-6 {
      // Within 1e-6 the tool's weight is t / 1e-6, the same for all.
      let isNear = isAtLeast(model.value.graph.constant(1e-6), magnitude(model.delta))
      return base + select(isNear, model.delta * (reach / 1e-6), step(model.delta, reach))
    }
    let isNear = isAtLeast(model.value.graph.constant(reach), magnitude(model.delta))
    return select(isNear, model.value, base + step(model.delta, reach))
  }

  private static func step(_ delta: Value, _ reach: Double) -> Value {
    minimum(maximum(delta, -reach), delta.graph.constant(reach))
  }
}
