/// TIES: trim each task vector, elect a sign per element, merge the deltas that agree.
enum Ties: Method {
  private enum Variant: String, CaseIterable { case mergekit, paper, peft }
  private enum Aggregate: String, CaseIterable { case mean, sum, max }

  private static let variant = Parameter.choice(
    "variant", of: Variant.allCases.map(\.rawValue), default: "mergekit",
    "whose arithmetic: the tool's, the paper's, PEFT's")
  private static let scope = Parameter.choice(
    "scope", of: ["auto", "tensor", "model"], default: "auto",
    "what density is a fraction of: each tensor, or the whole model; auto is model for the paper's variant, else tensor"
  )
  private static let rule = Parameter.choice(
    "rule", of: ["auto"] + SelectionRule.allCases.map(\.rawValue), default: "auto",
    "which of equal magnitudes are kept; auto is threshold for the paper's variant, else exact_k")
  private static let election = Parameter.choice(
    "election", of: TaskVectors.Election.allCases.map(\.rawValue), default: "sum",
    "by the sum of the deltas or by their count")
  private static let aggregate = Parameter.choice(
    "aggregate", of: Aggregate.allCases.map(\.rawValue), default: "mean",
    "mean, sum or largest magnitude of the agreeing deltas")
  private static let zeroSign = Parameter.choice(
    "zero_sign", of: ["auto", "positive", "global_majority"], default: "auto",
    "the sign of an element whose votes cancel; auto is global_majority for the paper's variant, else positive")
  private static let normalize = Parameter.flag(
    "normalize", default: true, "divide by the weights (mergekit) or the number (paper, peft) of the agreeing models")

  static let declaration = MethodDeclaration(
    name: "ties",
    summary:
      "Trims task vectors to their largest elements, elects a sign per element, and averages the deltas that agree",
    formula: """
      δ̃ₖ = the density·n largest elements of δₖ = θₖ − θ₀ by magnitude, others 0
      mergekit  vₖ = wₖ·δ̃ₖ, e = sgn Σ vₖ, out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ / Σ [sgn vₖ = e]·wₖ
      paper     e = sgn Σ δ̃ₖ,             out = θ₀ + λ · mean {δ̃ₖ : sgn δ̃ₖ = e}
      peft      e = sgn Σ δ̃ₖ,             out = θ₀ + λ · Σ [sgn δ̃ₖ = e]·wₖ·δ̃ₖ / #{k : sgn δ̃ₖ = e}
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [
      .weight, TaskVectors.density, .lambda, normalize, TaskVectors.rescale, variant, scope, rule, election, aggregate,
      zeroSign, TaskVectors.deltaRounding,
    ],
    source: "Yadav et al., 2023, “TIES-Merging”, arXiv:2306.01708; mergekit and PEFT for their variants",
    differs: [
      "A density above 0 keeps at least one element of a tensor, where the tools fail or keep none.",
      "The paper's code cannot take a density of 1; here it trims nothing.",
    ],
    reads: "2 or 3 (magnitude thresholds, one more where a guess misses); scope model sweeps the whole model first",
    example: #"{"op": "ties", "base": "base", "models": ["math", "code"], "density": 0.2}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let variant = Variant(rawValue: merge.choice(variant)) ?? .mergekit
    let isModelScope = merge.choice(scope) == "model" || (merge.choice(scope) == "auto" && variant == .paper)
    if isModelScope { try merge.requireOneValue(of: TaskVectors.density) }
    let deltas = merge.models.map { model in
      let kept = merge.trim(
        model.delta, of: model.index, density: model[TaskVectors.density], rule: rule(merge, variant),
        scope: isModelScope ? .model : .tensor, extra: variant == .paper ? 1 : 0)
      return merge.flag(TaskVectors.rescale) ? TaskVectors.matchL1(kept, to: model.delta) : kept
    }
    let election = TaskVectors.Election(rawValue: merge.choice(election)) ?? .sum
    let aggregate = Aggregate(rawValue: merge.choice(aggregate)) ?? .mean
    let votesByMajority =
      merge.choice(zeroSign) == "global_majority" || (merge.choice(zeroSign) == "auto" && variant == .paper)
    if variant == .mergekit, aggregate != .max, !votesByMajority {
      return try TaskVectors.combine(
        merge, deltas, election: election, normalize: merge.flag(normalize) && aggregate == .mean,
        lambda: merge[.lambda])
    }
    let weights = merge.models.map { $0[.weight] }
    if variant == .paper, weights.contains(where: { $0 != 1 }) {
      throw MethodError(
        "the paper's variant takes no weights, expected weight 1 for every model; choose \"variant\": \"mergekit\"")
    }
    let weighted = zip(deltas, weights).map { $0 * $1 }
    let voters = variant == .mergekit ? weighted : deltas
    let signs =
      votesByMajority
      ? try electByMajority(merge, voters, election) : try TaskVectors.elect(voters, by: election)
    // No majority counts as −1 when it is asked who agrees, and as 0 when it is multiplied with.
    let elected = votesByMajority ? select(isGreater(signs, 0), signs.graph.constant(1), -1) : signs
    let agreeing = voters.map { TaskVectors.agrees($0, with: elected) }
    let kept = zip(agreeing, weighted).map { select($0, $1, 0) }
    if aggregate == .max {
      let largest = kept.map(magnitude).reduce(elected * 0, maximum)
      return merge.applied(largest * signs * merge[.lambda])
    }
    var merged = try Weights.sum(kept)
    if aggregate == .mean, merge.flag(normalize) {
      merged = merged / maximum(try Weights.sum(agreeing), 1)
    }
    return merge.applied(merged * merge[.lambda])
  }

  private static func rule(_ merge: Merge, _ variant: Variant) -> SelectionRule {
    SelectionRule(rawValue: merge.choice(rule)) ?? (variant == .paper ? .threshold : .exactK)
  }

  /// The paper's merged task vector with sums for means: one threshold for the model, and a majority where votes cancel.
  static func paperSum(_ merge: Merge, density: Double) throws(MethodError) -> Value {
    let deltas = merge.models.map { model in
      merge.trim(model.delta, of: model.index, density: density, rule: .threshold, scope: .model, extra: 1)
    }
    let signs = try electByMajority(merge, deltas, .sum)
    let elected = select(isGreater(signs, 0), signs.graph.constant(1), -1)
    return try Weights.sum(deltas.map { select(TaskVectors.agrees($0, with: elected), $0, 0) })
  }

  /// As the paper's code: where the votes cancel, the majority of all elected signs decides; 0 where there is none.
  private static func electByMajority(
    _ merge: Merge, _ voters: [Value], _ election: TaskVectors.Election
  ) throws(MethodError) -> Value {
    let votes = sign(try Weights.sum(election == .sum ? voters : voters.map(sign)))
    return select(isEqual(votes, 0), sign(merge.totalOverModel(votes, for: "votes")), votes)
  }
}
