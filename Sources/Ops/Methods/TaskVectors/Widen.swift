internal import WeirTensors

/// Weights taken apart into lengths and directions of columns, and merged by how much of each a model changed.
enum Widen: Method {
  private static let ratio = Parameter.number(
    "above_average_value_ratio", in: .nonNegative, default: 1,
    "a column whose rank is above the average by this factor has the score below")
  private static let score = Parameter.number(
    "score_calibration_value", default: 1, "score of such columns; several models may have it for one")

  static let declaration = MethodDeclaration(
    name: "widen",
    summary: "Merges models that changed to different degrees, by ranks of how columns' lengths and directions changed",
    formula: """
      per column j of a matrix:  Δm = | ‖θₖ[:,j]‖ − ‖θ₀[:,j]‖ |,  Δd = 1 − cos(θₖ[:,j], θ₀[:,j])
      for Δm and for Δd:  r = rank among the columns / columns,  s = softmax of r over the models;
                          score_calibration_value instead where r > above_average_value_ratio·mean r
      out = θ₀ + Σ ½·(s_m + s_d)·δₖ
      vectors:  r = |δₖ|, element by element
      """,
    inputs: .models(base: .required, count: 2...1024), signature: .uniform,
    parameters: [ratio, score],
    source:
      "Yu et al., 2024, “Extend model merging from fine-tuned to pre-trained large language models”, arXiv:2408.03092",
    differs: [
      "A column that is zero in either has not turned; the released code divides by its length.",
      "Of more than two axes, all but the first together are the columns.",
    ],
    reads: "2 (column sums; row sums for token embeddings, whose columns are tokens)",
    example: #"{"op": "widen", "base": "base", "models": ["instruct", "pretrained_on"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let base = merge.base else { throw .missingInput }
    let shape = merge.tensor.shape.extents
    guard shape.count > 1 else {
      let changes = merge.models.map { magnitude($0.delta) }
      let isLarge = changes.map { isGreater($0, total($0) * (merge[ratio] / Double(max(1, shape.reduce(1, *))))) }
      return try result(merge, scores(merge, changes, isLarge))
    }
    let isEmbedding = ["embed_tokens", "word_embeddings", "wte."].contains(where: merge.tensor.name.contains)
    let scope: Scope = isEmbedding ? .row : .column
    let columns = Double((isEmbedding ? shape.dropLast() : shape.dropFirst()).reduce(1, *))
    let length = norm(base, over: scope)
    var (sizes, turns): ([Value], [Value]) = ([], [])
    for model in merge.models {
      let own = norm(model.value, over: scope)
      let lengths = own * length
      sizes.append(ranks(magnitude(own - length)))
      turns.append(ranks(select(isGreater(lengths, 0), 1 - dot(base, model.value, over: scope) / lengths, 0)))
    }
    let both = try [sizes, turns].map { ranks throws(MethodError) in
      // The mean rank is known; compared before the division, as ranks are whole numbers.
      let isLarge = ranks.map { isGreater($0, merge[ratio] * (columns - 1) / 2) }
      return try scores(merge, ranks.map { $0 / max(1, columns) }, isLarge)
    }
    return try result(merge, zip(both[0], both[1]).map { ($0 + $1) * 0.5 })
  }

  /// The softmax over the models, and the given score where a change is large.
  private static func scores(_ merge: Merge, _ changes: [Value], _ isLarge: [Value]) throws(MethodError) -> [Value] {
    let most = changes.dropFirst().reduce(changes[0], maximum)
    let powers = changes.map { exponential($0 - most) }
    let total = try Weights.sum(powers)
    return zip(isLarge, powers).map { select($0, $1.graph.constant(merge[score]), $1 / total) }
  }

  private static func result(_ merge: Merge, _ scores: [Value]) throws(MethodError) -> Value {
    merge.applied(try Weights.sum(zip(merge.models, scores).map { $0.delta * $1 }))
  }
}
