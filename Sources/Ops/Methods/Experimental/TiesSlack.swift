/// TIES that lets the most important deltas of one model survive a lost election.
enum TiesSlack: Method {
  private static let protected = Parameter.integer("protected", in: 0...1023, "the model that is protected, from 0")
  private static let slack = Parameter.number(
    "slack", in: .fraction, "share of its weight that a protected delta keeps where it lost; 0 is plain TIES")
  private static let fraction = Parameter.number(
    "protect_fraction", in: .fraction, "fraction of the model's elements, the largest, that is protected")
  private static let normalize = Parameter.flag("normalize", default: true, TaskVectors.normalize)

  static let declaration = MethodDeclaration(
    name: "ties_sv",
    summary: "Merges like ties, but keeps a share of the largest deltas of one model where they lose the election",
    formula: """
      vₖ = wₖ·trim(δₖ), e = sgn Σ vₖ                                           as in ties
      aₖ = 1 where sgn vₖ = e;  slack for k = protected where |δₖ| is among its protect_fraction·n largest;  else 0
      out = θ₀ + λ · Σ aₖ·vₖ / Σ aₖ·wₖ
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [
      .weight, TaskVectors.density, protected, slack, fraction, .lambda, normalize, Experimental.acknowledged,
      TaskVectors.deltaRounding,
    ],
    source: "Our reconstruction of TIES-SV (arXiv:2407.03994) from its abstract",
    differs: ["The paper's formula could not be confirmed; this is what its abstract allows."],
    reads: "2 or 3 (magnitude thresholds, one more where a guess misses)",
    example: """
      {"op": "ties_sv", "base": "base", "models": ["pretrained_on", "tuned"], "density": 0.2, "protected": 1, \
      "slack": 0.5, "protect_fraction": 0.1, "experimental": true}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try Experimental.check(merge)
    let weights = merge.models.map { $0[.weight] }
    let trimmed = merge.models.map { merge.trim($0.delta, of: $0.index, density: $0[TaskVectors.density]) }
    let weighted = zip(trimmed, weights).map { $0 * $1 }
    let elected = try TaskVectors.elect(weighted, by: .sum)
    let shares = zip(merge.models, weighted).map { model, value in
      let agrees = TaskVectors.agrees(value, with: elected)
      guard model.index == Int(merge[protected]) else { return agrees }
      let count = Int(merge[fraction] * Double(merge.elementCount(of: .tensor)))
      let important = merge.keepLargest(model.delta, Quota(count: .fixed(count), rule: .threshold))
      let isKept = sign(magnitude(important)) * sign(magnitude(value))
      return maximum(agrees, isKept * merge[slack])
    }
    var merged = try Weights.sum(zip(shares, weighted).map { $0 * $1 })
    if merge.flag(normalize) {
      let divisor = try Weights.sum(shares, weights)
      merged = merged / select(isEqual(divisor, 0), 1, divisor)
    }
    return merge.applied(merged * merge[.lambda])
  }
}

/// What methods share whose formula no text that we could reach confirms.
enum Experimental {
  static let acknowledged = Parameter.flag(
    "experimental", default: false, "must be true: the formula is a reconstruction, and may change")

  static func check(_ merge: Merge) throws(MethodError) {
    guard merge.flag(acknowledged) else {
      throw MethodError(
        "the method is a reconstruction that no source confirms, expected \"experimental\": true beside it")
    }
  }
}
