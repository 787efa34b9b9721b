/// DELLA: random drop of delta elements, the smaller in their row the likelier, then the sign election of TIES.
enum Della: Method {
  private static let epsilon = Parameter.number(
    "epsilon", in: .fraction, default: 0.15, perModel: true,
    "how far the probabilities reach from density; half of the paper's window")
  private static let rescaleRule = Parameter.choice(
    "rescale_rule", of: ["inverse_probability", "l1"], default: "inverse_probability",
    "by 1/p, as the paper; or to the delta's own L1 norm, as mergekit since 0.1")
  private static let measure = Parameter.choice(
    "by", of: ["rank", "magnitude"], default: "rank", "what the probability rises with")
  private static let scope = Parameter.choice(
    "scope", of: ["row", "tensor"], default: "row",
    "among which elements: ranks along the second axis, magnitudes along the last; or all")
  static let normalize = Parameter.flag("normalize", default: true, TaskVectors.normalize)
  static func parameters(_ normalize: Parameter) -> [Parameter] {
    [.weight, TaskVectors.density, epsilon, .lambda, normalize, Dare.rescale, rescaleRule, measure, scope]
      + [TaskVectors.seed, TaskVectors.deltaRounding]
  }
  static let formula = """
    r = rank of |δₖ| among the c elements of its row, 0 … c − 1
    p = density − ε + 2ε·r/(c − 1)         or, by magnitude, 2ε·(|δₖ| − min)/(max − min + 1e-7)
    bₖ ~ Bernoulli(p), from (seed, tensor name, model, element)
    δ̃ₖ = bₖ·δₖ / p                         or, rescale_rule l1, bₖ·δₖ · Σ|δₖ| / Σ|bₖ·δₖ|
    """
  static let source = "Deep et al., 2024, “DELLA-Merging”, arXiv:2406.11617"
  static let differs =
    Dare.differs + ["The only element of a row is kept with probability density; the tool divides 0 by 0."]
  static let reads = "1 (2 for rescale_rule l1; scope tensor: once more for every million elements of a large tensor)"

  static let declaration = MethodDeclaration(
    name: "della",
    summary: "Drops delta elements at random, small rather than large ones, elects signs, and averages what agrees",
    formula: formula + """

      vₖ = wₖ·δ̃ₖ, e = sgn Σ vₖ
      out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ / Σ [sgn vₖ = e]·wₖ
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: parameters(normalize), source: source + "; election as in TIES, arXiv:2306.01708",
    differs: differs, reads: reads,
    example: #"{"op": "della", "base": "base", "models": ["math", "code"], "density": 0.4, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, try deltas(merge), election: .sum, normalize: merge.flag(normalize), lambda: merge[.lambda])
  }

  /// The deltas after drop and rescale.
  static func deltas(_ merge: Merge) throws(MethodError) -> [Value] {
    try merge.models.map { model throws(MethodError) in
      let (density, reach, delta) = (model[TaskVectors.density], model[epsilon], model.delta)
      if density >= 1 || merge.isScalar { return delta }
      if density <= 0 { return delta * 0 }
      guard density > reach, density + reach < 1 else {
        throw MethodError(
          "density \(density) and epsilon \(reach) give probabilities outside (0, 1), expected an epsilon below "
            + "\((min(density, 1 - density) * 1e9).rounded() / 1e9); lower it, or set density 1 to drop nothing")
      }
      let chance = place(merge, delta) * (2 * reach) + (density - reach)
      let isKept = isGreater(chance, merge.random(for: model.index, seed: Int(merge[TaskVectors.seed]), like: delta))
      let isL1 = merge.choice(rescaleRule) == "l1"
      let kept = select(isKept, isL1 || !merge.flag(Dare.rescale) ? delta : delta / chance, 0)
      return isL1 && merge.flag(Dare.rescale) ? TaskVectors.matchL1(kept, to: delta) : kept
    }
  }

  /// Where an element stands between the least and the largest of its row, in [0, 1].
  private static func place(_ merge: Merge, _ delta: Value) -> Value {
    let isRow = merge.choice(scope) == "row"
    if merge.choice(measure) == "magnitude" {
      let (size, scope) = (magnitude(delta), isRow ? Scope.row : .tensor)
      let least = -largest(-size, over: scope)
      return (size - least) / (largest(size, over: scope) - least + 1e-7)
    }
    let slices = isRow ? merge.slices(axis: 1) : merge.wholeSlice
    if slices.length < 2 { return delta.graph.constant(0.5) }
    return merge.magnitudeRanks(delta, along: slices) / Double(slices.length - 1)
  }
}
