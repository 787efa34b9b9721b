internal import WeirTensors

/// Spherical interpolation by two weights, of checkpoints or of their deltas, over whole tensors, rows or columns.
enum NuSlerp: Method {
  private static let flatten = Parameter.flag(
    "nuslerp_flatten", default: true, "one angle for the whole tensor, instead of one per row or column")
  private static let rowWise = Parameter.flag(
    "nuslerp_row_wise", default: false,
    "without flatten: angles along the first axis (columns) instead of the last (rows)")

  static let declaration = MethodDeclaration(
    name: "nuslerp",
    summary: "Interpolates on the great circle between two models by their weights, on deltas where a base is given",
    formula: """
      t = w₁ / (w₀ + w₁)                        0.5 where |w₀ + w₁| < 1e-6
      Ω = arccos ⟨v₀/‖v₀‖, v₁/‖v₁‖⟩             per tensor, row or column; v = θ, or θ − base
      out = base + sin((1 − t)·Ω)/sin Ω · v₀ + sin(t·Ω)/sin Ω · v₁
      out = base + (1 − t)·v₀ + t·v₁            where |sin Ω| < 1e-6
      """,
    inputs: .models(base: .optional, count: 2...2), signature: .uniform,
    parameters: [.weight, flatten, rowWise],
    source: "mergekit's nuslerp (Goddard et al., 2024, arXiv:2403.13257)",
    differs: [
      "The straight line is taken where |sin Ω| < 1e-6, in Double, not 1e-8: between opposite tensors the rounding of the "
        + "cosine alone makes the sine 2e-8, and the quotient explodes.",
      "The names are the tool's: nuslerp_row_wise runs along the first axis, which its documentation says the other way round.",
    ],
    reads: "2 (tensor, row or column sums)", numerics: .transcendental,
    example: #"{"op": "nuslerp", "models": [{"from": "a", "weight": 1}, {"from": "b", "weight": 2}]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 2 else { throw .missingInput }
    let (v0, v1) = (merge.models[0].delta, merge.models[1].delta)
    let (w0, w1) = (merge.models[0][.weight], merge.models[1][.weight])
    let t = abs(w0 + w1) < 1e-6 ? 0.5 : w1 / (w0 + w1)
    let isVector = merge.tensor.shape.extents.count < 2
    let scope: Scope = merge.flag(flatten) || isVector ? .tensor : merge.flag(rowWise) ? .column : .row
    func length(_ v: Value) -> Value { maximum(norm(v, over: scope), 1e-7) }
    let cosine = dot(v0, v1, over: scope) / (length(v0) * length(v1))
    let isLine = isGreater(v0.graph.constant(1e-6), sine(angle(cosine: cosine)))
    return merge.applied(Arc.interpolate(v0, v1, t, cosine: cosine, isLine: isLine))
  }
}
