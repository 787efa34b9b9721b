internal import WeirTensors

/// The average of fine-tunes drawn back to their base, the further the more they disagree.
enum ModelStock: Method {
  private static let filterWise = Parameter.flag(
    "filter_wise", default: false, "one angle per row of the last axis instead of per tensor")
  private static let clamp = Parameter.choice(
    "t_clamp", of: ["none", "unit"], default: "none", "unit limits t to [0, 1]; without it t may be negative, or large")
  private static let mean = Parameter.choice(
    "angle_mean", of: ["cos", "angle"], default: "cos", "of several pairs, average the cosines or the angles")
  private static let floor = Parameter.choice(
    "floor", of: ["none", "mergekit"], default: "none",
    "mergekit divides by at least 1e-6, which draws small tensors to t = 0")

  static let declaration = MethodDeclaration(
    name: "model_stock",
    summary: "Draws the average of fine-tunes towards their base, by the angle between their task vectors",
    formula: """
      c = the mean over pairs of ⟨δᵢ, δⱼ⟩ / (‖δᵢ‖·‖δⱼ‖)          per tensor or row; 0 where a δ is 0
      t = N·c / (1 + (N − 1)·c)
      out = (1 − t)·θ₀ + t·Σ θₖ/N
      """,
    inputs: .models(base: .required, count: 2...1024), signature: .taskVectors,
    parameters: [filterWise, clamp, mean, floor, TaskVectors.deltaRounding],
    source: "Jang et al., 2024, “Model Stock”, arXiv:2403.19522; of more than two models as mergekit",
    differs: ["The product of the lengths has no floor, so that tensors with small deltas are merged like others."],
    reads: "2 (tensor or row sums)", numerics: .transcendental,
    example: #"{"op": "model_stock", "base": "base", "models": ["a", "b"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let deltas = merge.models.map(\.delta)
    let flags = [
      merge.choice(clamp) == "unit", merge.choice(mean) == "angle", merge.choice(floor) == "mergekit",
    ]
    let scope: Scope = merge.flag(filterWise) && merge.tensor.shape.extents.count > 1 ? .row : .tensor
    let share = try merge.solve(
      "model_stock of \(deltas.count)", over: deltas, scope: scope, flags.map { $0 ? 1 : 0 }, outputs: 1
    ) { gram, flags throws(MethodError) in
      [try t(gram, isClamped: flags[0] == 1, isOfAngles: flags[1] == 1, least: flags[2] == 1 ? 1e-6 : 0)]
    }
    return merge.applied(try Weights.sum(deltas) * (share[0] / Double(deltas.count)))
  }

  private static func t(
    _ gram: Gram, isClamped: Bool, isOfAngles: Bool, least: Double
  ) throws(MethodError) -> Double {
    var sum = 0.0
    for i in 0..<gram.count {
      for j in i + 1..<gram.count {
        let lengths = max(gram.norm(i) * gram.norm(j), least)
        let cosine = lengths > 0 ? min(1, max(-1, gram[i, j] / lengths)) : 0
        sum += isOfAngles ? CMath.arccosine(cosine) : cosine
      }
    }
    let count = Double(gram.count)
    let mean = sum / (count * (count - 1) / 2)
    let cosine = isOfAngles ? CMath.cosine(mean) : mean
    let divisor = 1 + (count - 1) * cosine
    if isClamped { return divisor == 0 ? 0 : min(1, max(0, count * cosine / divisor)) }
    guard divisor != 0 else {
      throw MethodError("the deltas' mean cosine is \(cosine), for which t is infinite; set \"t_clamp\": \"unit\"")
    }
    return count * cosine / divisor
  }
}
