/// A weighted average of whole checkpoints; with equal weights, the uniform soup.
enum Linear: Method {
  private static let normalize = Parameter.flag("normalize", default: true, "divide by the sum of the weights")

  static let declaration = MethodDeclaration(
    name: "linear",
    summary: "Averages checkpoints with a weight each; without weights it is the uniform soup",
    formula: "out = Σ wₖ·θₖ / Σ wₖ        (normalize: false leaves out the division)",
    inputs: .models(base: .none, count: 1...1024), signature: .uniform,
    parameters: [.weight, normalize],
    source: "Wortsman et al., 2022, “Model soups”, arXiv:2203.05482 (uniform); weights as in common practice",
    differs: [
      "Weights are kept in Double and divided by their sum before the first product; tools that hold them in the "
        + "tensors' type round them to bfloat16."
    ],
    example: #"{"op": "linear", "models": [{"from": "a", "weight": 1}, {"from": "b", "weight": 2}]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    var weights = merge.models.map { $0[.weight] }
    if merge.flag(normalize) {
      let total = try Weights.total(weights)
      weights = weights.map { $0 / total }
    }
    return try Weights.sum(merge.models.map(\.value), weights)
  }
}
