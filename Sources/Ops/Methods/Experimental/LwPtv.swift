internal import WeirTensors

/// Task vectors pruned by whole layers: those of least salience fall back to the base.
enum LwPtv: Method {
  private static let score = Parameter.choice(
    "score", of: ["relative", "magnitude", "deviation"], default: nil,
    "‖δ‖/‖θ₀‖ of a layer, the mean |δ|, or the mean distance from the models' mean δ")
  private static let eta = Parameter.number(
    "eta", in: .fraction, "fraction of the layers of each model that is dropped")

  static let declaration = MethodDeclaration(
    name: "lwptv",
    summary: "Drops the layers of least salience from each task vector, and adds the sum of the rest to the base",
    formula: """
      Sₖ(l) = salience of all tensors of layer l of L; the Int(eta·L) layers of lowest Sₖ are dropped from δₖ
      out = θ₀ + λ · Σ wₖ·δ̃ₖ                                  tensors outside layers are kept
      """,
    inputs: .models(base: .required, count: 1...1024), signature: .taskVectors,
    parameters: [.weight, score, eta, .lambda, Experimental.acknowledged, TaskVectors.deltaRounding],
    source: "Our reconstruction of LwPTV (arXiv:2506.09093) from its abstract",
    differs: ["Neither the paper's score nor what its fraction counts could be confirmed."],
    reads: "1, after a sweep of the model",
    example: """
      {"op": "lwptv", "base": "base", "models": ["math", "code"], "score": "relative", "eta": 0.25, "lambda": 0.4, \
      "experimental": true}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try Experimental.check(merge)
    guard case .layer(let layer, of: let count) = merge.placement else { return try sum(merge, kept: nil) }
    var kept: [Value] = []
    for model in merge.models {
      let scores = try (0..<count).map { other throws(MethodError) in
        try salience(merge, model, layer: other, isOwn: other == layer)
      }
      let place = try merge.solve(
        "lwptv of \(count)", scores, [Double(layer), Double(Int(merge[eta] * Double(count)))], count: 1
      ) { scores, parameters in
        let own = Int(parameters[0])
        // Of equal scores the lower layer goes first.
        let lower = scores.indices.count { (scores[$0], $0) < (scores[own], own) }
        return [lower < Int(parameters[1]) && scores[own] < .infinity ? 0 : 1]
      }
      kept.append(place[0])
    }
    return try sum(merge, kept: kept)
  }

  private static func sum(_ merge: Merge, kept: [Value]?) throws(MethodError) -> Value {
    let terms = merge.models.enumerated().map { place, model in
      kept.map { select($0[place], model.delta, 0) * model[.weight] } ?? model.delta * model[.weight]
    }
    return merge.applied(try Weights.sum(terms) * merge[.lambda])
  }

  /// The salience of a layer, to which the tensor adds if it lies there.
  private static func salience(
    _ merge: Merge, _ model: Merge.Model, layer: Int, isOwn: Bool
  ) throws(MethodError) -> Value {
    guard let base = merge.base else { throw .missingInput }
    let stack = LayerPosition(name: merge.tensor.name)?.stack ?? ""
    /// `Σ a·b` over the layer's tensors.
    func total(_ a: Value, _ b: Value, _ what: String) -> Value {
      let purpose = "\(what), layer \(layer) of \(stack)"
      return isOwn ? merge.dotOverModel(a, b, for: purpose) : merge.totalOfOthers(base.graph, for: purpose)
    }
    let own = "model \(model.index)"
    if merge.choice(score) == "relative" {
      let length = squareRoot(total(base, base, "base"))
      let change = squareRoot(total(model.delta, model.delta, own))
      return select(isGreater(length, 0), change / length, base.graph.constant(.infinity))
    }
    var change = model.delta
    if merge.choice(score) == "deviation" {
      change = change - (try Weights.sum(merge.models.map(\.delta))) / Double(merge.models.count)
    }
    let one = base.graph.constant(1)
    return total(magnitude(change), one, own) / maximum(total(one, one, "elements"), 1)
  }
}
