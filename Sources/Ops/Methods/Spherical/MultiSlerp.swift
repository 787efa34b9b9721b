/// The mean direction of several tensors, at their mean length.
enum MultiSlerp: Method {
  private static let normalize = Parameter.flag(
    "normalize_weights", default: true, "divide the weights by their sum")
  private static let epsilon = Parameter.number(
    "eps", in: .nonNegative, default: 1e-8, "added to lengths; a mean direction shorter than this is none")

  static let declaration = MethodDeclaration(
    name: "multislerp",
    summary: "Averages the directions of several models on the sphere, and their lengths; deltas where a base is given",
    formula: """
      uₖ = xₖ / (‖xₖ‖ + eps),  m = Σ wₖ·uₖ             per tensor; x = θ, or θ − base
      out = base + Σ wₖ·‖xₖ‖ · m / ‖m‖
      out = base + Σ wₖ·xₖ                             of two models where ‖m‖ < eps
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .uniform,
    parameters: [.weight, normalize, epsilon],
    source: "mergekit's multislerp (Goddard et al., 2024, arXiv:2403.13257)",
    differs: [
      "The step in the tangent space at the mean is left out: it is zero at the weighted mean direction.",
      "A mean direction below 1e-7 of the weights counts as none, too: inner products cannot tell it from none.",
      "Where every model's tensor is zero, so is the result; the tool fails.",
    ],
    reads: "2 (tensor sums)",
    example: #"{"op": "multislerp", "base": "base", "models": ["a", "b", {"from": "c", "weight": 2}]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    var weights = merge.models.map { $0[.weight] }
    if merge.flag(normalize) {
      let total = try Weights.total(weights)
      weights = weights.map { $0 / total }
    }
    if merge.models.count == 1 { return merge.models[0].value }
    let name = "multislerp of \(weights.count)"
    return merge.applied(
      try merge.combination(name, of: merge.models.map(\.delta), weights + [merge[epsilon]]) {
        gram, parameters throws(MethodError) in
        let (weights, epsilon) = (Array(parameters.dropLast()), parameters[gram.count])
        // m = Σ (wₖ / (‖xₖ‖ + eps))·xₖ
        let directions = weights.indices.map { weights[$0] / (gram.norm($0) + epsilon) }
        let length = gram.product(directions, directions).squareRoot()
        let total = weights.indices.reduce(0) { $0 + weights[$1] * gram.norm($1) }
        // Below this it is the rounding of the inner products.
        let least = max(epsilon, 1e-7 * weights.reduce(0) { $0 + abs($1) })
        if length >= least, length > 0 { return directions.map { total * $0 / length } }
        guard gram.count == 2 || weights.indices.allSatisfy({ gram[$0, $0] == 0 }) else {
          throw MethodError("the models' directions cancel, expected a mean direction; change the weights")
        }
        return weights
      })
  }
}
