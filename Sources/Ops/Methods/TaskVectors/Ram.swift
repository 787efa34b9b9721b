/// What the two RAM methods share: deltas that few models made kept whole, those of many averaged.
enum Ram {
  static let epsilon = Parameter.number(
    "epsilon", in: .nonNegative, default: 1e-5, "a delta no larger than this counts as none, in units of the weights")
  static let source = "mergekit's ram and ramplus_tl (Goddard et al., 2024, arXiv:2403.13257)"

  /// Each model's deltas that count, 1 where they do, and at each element how many models' do.
  static func active(_ merge: Merge) throws(MethodError) -> (deltas: [Value], masks: [Value], count: Value) {
    let masks = merge.models.map { isGreater(magnitude($0.delta), merge[epsilon]) }
    let deltas = zip(merge.models, masks).map { select($1, $0.delta, 0) }
    return (deltas, masks, try Weights.sum(masks))
  }
}

/// Unique deltas kept whole, shared ones averaged.
enum RamMerge: Method {
  static let declaration = MethodDeclaration(
    name: "ram",
    summary: "Keeps deltas that one model alone made, and averages those of several over the models that made them",
    formula: """
      Aₖ = [|δₖ| > epsilon],  c = Σ Aₖ
      out = θ₀ + Σ Aₖ·δₖ / max(c, 1)
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [Ram.epsilon, TaskVectors.deltaRounding], source: Ram.source,
    example: #"{"op": "ram", "base": "base", "models": ["math", "code"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let active = try Ram.active(merge)
    return merge.applied(try Weights.sum(active.deltas) / maximum(active.count, 1))
  }
}

/// The same with unique deltas of models that share much scaled up.
enum RamPlus: Method {
  private static let r = Parameter.number("r", default: 0.1, "gain per share of shared deltas")
  private static let alpha = Parameter.number("alpha", in: .nonNegative, default: 0.2, "largest share that counts")
  private static let scope = Parameter.choice(
    "scope", of: ["tensor", "model"], default: "tensor", "over what shared and unique deltas are counted")

  static let declaration = MethodDeclaration(
    name: "ram_plus",
    summary: "Merges like ram, and scales up what a model alone made by how much of its change it shares",
    formula: """
      ρₖ = #{Aₖ, c > 1} / max(#{Aₖ, c = 1}, epsilon),  λₖ = 1 + r·min(ρₖ, alpha)
      out = θ₀ + λₖ·δₖ where k alone is active,  Σ Aₖ·δₖ / c where several are
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [Ram.epsilon, r, alpha, scope, TaskVectors.deltaRounding], source: Ram.source,
    differs: ["mergekit's ramplus_tl counts in each tensor, as here; the paper over the model: \"scope\": \"model\"."],
    reads: "2 (counts)",
    example: #"{"op": "ram_plus", "base": "base", "models": ["math", "code"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let active = try Ram.active(merge)
    let isShared = isGreater(active.count, 1)
    func number(_ mask: Value, _ purpose: String) -> Value {
      merge.choice(scope) == "model" ? merge.totalOverModel(mask, for: purpose) : total(mask)
    }
    var scaled: [Value] = []
    for (model, mask) in zip(merge.models, active.masks) {
      let shared = number(mask * isShared, "shared \(model.index)")
      let unique = number(select(isShared, 0, mask), "unique \(model.index)")
      let ratio = shared / maximum(unique, merge[Ram.epsilon])
      scaled.append(1 + minimum(ratio, ratio.graph.constant(merge[alpha])) * merge[r])
    }
    let alone = try Weights.sum(zip(active.deltas, scaled).map { $0 * $1 })
    let together = try Weights.sum(active.deltas) / maximum(active.count, 1)
    return merge.applied(select(isShared, together, alone))
  }
}
