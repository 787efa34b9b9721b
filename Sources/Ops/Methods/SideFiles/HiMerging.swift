/// Task vectors pruned and scaled, more where layers conflict, then merged like TIES.
enum HiMerging: Method {
  private static let density = Parameter.number(
    "density", in: .fraction, default: 1, perModel: true,
    "fraction of the delta's elements that is kept; by rules, less in a layer to shrink and 0 in one to drop")
  private static let scale = Parameter.number(
    "scale", default: 1, perModel: true, "factor of the delta; by rules, less in a layer to shrink")
  private static let normalize = Parameter.flag("normalize", default: true, TaskVectors.normalize)

  static let declaration = MethodDeclaration(
    name: "hi_merging",
    summary: "Prunes and scales task vectors, by layer where they conflict, elects signs, and averages what agrees",
    formula: """
      δ̃ₖ = scaleₖ · the densityₖ·n largest elements of δₖ by magnitude, others 0
      vₖ = wₖ·δ̃ₖ, e = sgn Σ vₖ
      out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ / Σ [sgn vₖ = e]·wₖ
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [.weight, density, scale, .lambda, normalize, TaskVectors.deltaRounding],
    source: "Hi-Merging, as its authors' scripts have it; election as in TIES, arXiv:2306.01708",
    differs: [
      "Which layers are kept, shrunk or dropped is given as rules of density and scale; half of each is the scripts' shrink.",
      "A density above 0 keeps at least one element of a tensor.",
    ],
    reads: "2 or 3 (magnitude thresholds, one more where a guess misses)",
    example: """
      {"op": "hi_merging", "base": "base", "models": [{"from": "a", "density": [{"for": "*.layers.3.*", "value": 0}, \
      {"value": 0.5}], "scale": 0.9}, {"from": "b", "density": 0.5, "scale": 0.9}]}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let deltas = merge.models.map { model in
      merge.trim(model.delta, of: model.index, density: model[density]) * model[scale]
    }
    return try TaskVectors.combine(
      merge, deltas, election: .sum, normalize: merge.flag(normalize), lambda: merge[.lambda])
  }
}
