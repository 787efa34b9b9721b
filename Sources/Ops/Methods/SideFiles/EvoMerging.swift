internal import WeirTensors

/// What an evolutionary search found, applied: each task vector pruned to a fraction and scaled, with a sign.
enum EvoMerging: Method {
  private static let density = Parameter.number(
    "density", in: .fraction, default: 1, perModel: true, "α: fraction of the elements that is kept")
  private static let scale = Parameter.number(
    "scale", in: Parameter.Bounds(-1.5, 1.5), default: 1, perModel: true,
    "β: factor; a negative one takes the model away")
  private static let form = Parameter.choice(
    "form", of: ["full", "lora"], default: "full",
    "lora prunes the tensors of adapters that are named lora_A alone, as the released code does")

  static let declaration = MethodDeclaration(
    name: "evo_merging",
    summary: "Prunes each task vector to its largest elements and adds them with factors that a search has found",
    formula: """
      out = θ₀ + Σ βₖ·S(δₖ, αₖ)
      S(x, α) = the elements of x at or above its c-th largest magnitude, others 0;  c = max(1, round(α·n))
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [density, scale, form, TaskVectors.deltaRounding],
    source: "Evo-Merging, as its authors' code has it (Black-Box-Merging)",
    differs: ["Factors of adapters are summed apart, as there: what results is not the sum of the adapters' changes."],
    reads: "2 or 3 (magnitude thresholds, one more where a guess misses)",
    example: """
      {"op": "evo_merging", "base": "base", "models": [{"from": "a", "density": 0.5, "scale": 0.8}, \
      {"from": "b", "density": 0.75, "scale": -0.4}]}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let isPruned = merge.choice(form) == "full" || merge.tensor.name.contains("lora_A")
    let terms = merge.models.map { model in
      (isPruned ? pruned(merge, model.delta, model[density]) : model.delta) * model[scale]
    }
    return merge.applied(try Weights.sum(terms))
  }

  private static func pruned(_ merge: Merge, _ delta: Value, _ density: Double) -> Value {
    guard density < 1, !merge.isScalar else { return delta }
    guard density > 0 else { return delta * 0 }
    let count = (Double(merge.elementCount(of: .tensor)) * density).rounded(.toNearestOrEven)
    return merge.keepLargest(delta, Quota(count: .fixed(max(1, Int(count))), rule: .threshold))
  }
}
