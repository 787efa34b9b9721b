/// What the two DARE methods share: random drop of delta elements, and a rescale that makes up for it.
enum Dare {
  static let rescale = Parameter.flag("rescale", default: true, "scale the survivors up for what was dropped")
  static let rescaleRule = Parameter.choice(
    "rescale_rule", of: ["inverse_density", "l1"], default: "inverse_density",
    "by 1/density, as the paper; or to the delta's own L1 norm, as mergekit since 0.1")
  static let parameters: [Parameter] = [
    .weight, TaskVectors.density, .lambda, normalize, rescale, rescaleRule, TaskVectors.seed, TaskVectors.deltaRounding,
  ]
  static let normalize = Parameter.flag("normalize", default: false, TaskVectors.normalize)
  static let formula = """
    bₖ ~ Bernoulli(density), per element and model, from (seed, tensor name, model, element)
    δ̃ₖ = bₖ·δₖ / density                 or, rescale_rule l1, bₖ·δₖ · Σ|δₖ| / Σ|bₖ·δₖ|
    """
  static let source = "Yu et al., 2023, “Language models are super Mario” (DARE), arXiv:2311.03099"
  static let differs = [
    "Masks come from a counter-based generator, so that they do not depend on order, threads or other models.",
    "The L1 rule is skipped where either sum is below 1e-7, as in mergekit.",
  ]

  /// The deltas after drop and rescale.
  static func deltas(_ merge: Merge) throws(MethodError) -> [Value] {
    var result: [Value] = []
    for model in merge.models {
      let density = model[TaskVectors.density]
      let dropped = merge.drop(model.delta, of: model.index, density: density, seed: Int(merge[TaskVectors.seed]))
      if !merge.flag(rescale) || density >= 1 || merge.isScalar {
        result.append(dropped)
      } else if merge.choice(rescaleRule) == "l1" {
        result.append(TaskVectors.matchL1(dropped, to: model.delta))
      } else {
        guard density > 0 else {
          throw MethodError("density 0 leaves nothing to rescale by 1/density, expected a density in (0, 1]")
        }
        result.append(dropped / density)
      }
    }
    return result
  }

  static func merge(_ merge: Merge, election: TaskVectors.Election?) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, try deltas(merge), election: election, normalize: merge.flag(normalize), lambda: merge[.lambda])
  }
}

/// DARE, then a plain weighted sum of the deltas.
enum DareLinear: Method {
  static let declaration = MethodDeclaration(
    name: "dare_linear",
    summary: "Drops delta elements at random, rescales the rest, and adds their weighted sum to the base",
    formula: Dare.formula + "\nout = θ₀ + λ · Σ wₖ·δ̃ₖ                (normalize divides the sum by Σ wₖ)",
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: Dare.parameters, source: Dare.source, differs: Dare.differs,
    reads: "1 (2 for rescale_rule l1)",
    example: #"{"op": "dare_linear", "base": "base", "models": ["math", "code"], "density": 0.3, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value { try Dare.merge(merge, election: nil) }
}

/// DARE, then the sign election of TIES.
enum DareTies: Method {
  static let declaration = MethodDeclaration(
    name: "dare_ties",
    summary:
      "Drops delta elements at random, rescales the rest, elects a sign per element, and sums the deltas that agree",
    formula: Dare.formula + """

      vₖ = wₖ·δ̃ₖ, e = sgn Σ vₖ
      out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ         (normalize divides by Σ [sgn vₖ = e]·wₖ)
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: Dare.parameters, source: Dare.source + "; election as in TIES, arXiv:2306.01708", differs: Dare.differs,
    reads: "1 (2 for rescale_rule l1)",
    example: #"{"op": "dare_ties", "base": "base", "models": ["math", "code"], "density": 0.3, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value { try Dare.merge(merge, election: .sum) }
}
