internal import WeirTensors

/// Deltas scaled up with depth: what shallow layers learnt is general, and changes less.
enum LiNeS: Method {
  private static let alpha = Parameter.number("alpha", "factor of the first layer, and of all that lies outside layers")

  static let declaration = MethodDeclaration(
    name: "lines",
    summary: "Scales a delta by a factor that grows linearly with the layer, up to 1",
    formula: "out = θ₀ + (α + (1 − α)·l/(L − 1))·δ       in layer l of L;   α·δ outside layers and where L = 1",
    inputs: .models(base: .optional, count: 1...1), signature: .taskVectors,
    parameters: [alpha, TaskVectors.deltaRounding],
    source: LiNeS.source, differs: LiNeS.differs,
    example: #"{"op": "lines", "base": "base", "models": ["merged"], "alpha": 0.2}"#)

  static let source = "Wang et al., 2024, “LiNeS: post-training layer scaling”, arXiv:2410.17146"
  static let differs = [
    "The layer is the first number in a tensor's name, each stack for itself; the released code takes the first that fits."
  ]

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return merge.applied(model.delta * (merge[alpha] + (1 - merge[alpha]) * depth(merge)))
  }

  /// l/(L − 1), 0 for the first layer and outside.
  static func depth(_ merge: Merge) -> Double {
    guard case .layer(let layer, of: let count) = merge.placement, count > 1 else { return 0 }
    return Double(layer) / Double(count - 1)
  }
}

/// The same after a merge of several models, whose shrinking it makes up for.
enum LiNeSMulti: Method {
  private static let beta = Parameter.number("beta", "what the factor gains from the first layer to the last")

  static let declaration = MethodDeclaration(
    name: "lines_multi",
    summary: "Scales a merged delta by a factor that grows with the layer, from what the merge shrank the sum by",
    formula: """
      α = ‖Σ δₖ‖₁ / (N·‖τ‖₁)         over the model; τ is the first delta, δₖ those of the N others
      out = θ₀ + (α + β·l/(L − 1))·τ            or α·τ outside layers and where L = 1
      """,
    inputs: .models(base: .optional, count: 2...1024), signature: .taskVectors,
    parameters: [beta, TaskVectors.deltaRounding],
    source: LiNeS.source, differs: LiNeS.differs + ["Where τ is zero everywhere, α is 0."],
    reads: "1, after a sweep of the model",
    example: #"{"op": "lines_multi", "base": "base", "models": ["merged", "math", "code"], "beta": 0.6}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let first = merge.models.first, first.index == 0, merge.models.count > 1 else { throw .missingInput }
    let merged = first.delta
    let sum = try Weights.sum(merge.models.dropFirst().map(\.delta))
    let length = merge.totalOverModel(magnitude(merged), for: "merged")
    let quotient = merge.totalOverModel(magnitude(sum), for: "sum") / (length * Double(merge.models.count - 1))
    let alpha = select(isGreater(length, 0), quotient, 0)
    return merge.applied(merged * (alpha + merge[beta] * LiNeS.depth(merge)))
  }
}
