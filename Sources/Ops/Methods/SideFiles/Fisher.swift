/// Checkpoints averaged element by element with the certainty that Fisher information gives each of them.
enum Fisher: Method {
  private static let fisher = Parameter.tensors(
    "fisher", missing: 1, perModel: true,
    "diagonal Fisher information of the model: tensors of its names and shapes, none negative")
  private static let variant = Parameter.choice(
    "variant", of: ["matena", "mergelm"], default: "matena", "whose arithmetic: the paper's code, or MergeLM's")
  private static let normalize = Parameter.flag(
    "normalize", default: true, "divide each model's information by its length over the model")
  private static let floor = Parameter.number(
    "fisher_floor", in: .nonNegative, default: 1e-6,
    "least information that counts; mergelm adds it to information and lengths")
  private static let favorsTarget = Parameter.flag(
    "favor_target", default: true, "give the floor to the first model alone, whose value holds where none knows better")

  static let declaration = MethodDeclaration(
    name: "fisher",
    summary: "Averages checkpoints element by element, each weighed by its Fisher information",
    formula: """
      out = Σ cₖ·dₖ·θₖ / Σ cₖ·dₖ                              θ of the first model where the divisor is 0
      matena   cₖ = wₖ/‖Fₖ‖,  dₖ = max(Fₖ, fisher_floor) for the first model, or for all without favor_target;  else Fₖ
      mergelm  cₖ = wₖ/(‖Fₖ‖ + fisher_floor),  dₖ = Fₖ + fisher_floor
      ‖Fₖ‖ is the length over all tensors that are merged; 1 where it is 0, or without normalize
      """,
    inputs: .models(base: .none, count: 2...1024), signature: .uniform,
    parameters: [fisher, .weight, variant, normalize, floor, favorsTarget],
    source: "Matena and Raffel, 2021, “Merging models with Fisher-weighted averaging”, arXiv:2111.09832; MergeLM",
    differs: [
      "Heads of tasks are merged like other tensors unless they are excluded; the original merges bodies alone.",
      "A tensor that a model has no information of counts with 1 everywhere, and the plan says so.",
    ],
    reads: "1; information twice",
    example: """
      {"op": "fisher", "models": [{"from": "math", "fisher": "math_fisher"}, {"from": "code", "fisher": "code_fisher"}]}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let isTool = merge.choice(variant) == "mergelm"
    var terms: [Value] = []
    var shares: [Value] = []
    for model in merge.models {
      guard let information = merge.tensor(fisher, of: model) else { throw .missingInput }
      let graph = information.graph
      var scale = graph.constant(model[.weight])
      if merge.flag(normalize) {
        let length = squareRoot(merge.dotOverModel(information, information, for: "fisher \(model.index)"))
        let divisor = isTool ? length + merge[floor] : length
        scale = scale / select(isGreater(divisor, 0), divisor, 1)
      }
      let isFloored = model.index == 0 || !merge.flag(favorsTarget)
      let certainty =
        isTool ? information + merge[floor] : isFloored ? maximum(information, merge[floor]) : information
      shares.append(certainty * scale)
      terms.append(model.value * (certainty * scale))
    }
    let divisor = try Weights.sum(shares)
    return select(isEqual(divisor, 0), merge.models[0].value, try Weights.sum(terms) / divisor)
  }
}
