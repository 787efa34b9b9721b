internal import WeirTensors

/// FuseChat's variation ratio merging: each model weighs by how far it went from the pivot.
enum Varm: Method {
  private enum Granularity: String, CaseIterable { case param, module, layer, model, item }

  private static let statistic = Parameter.choice(
    "statistic", of: ["square", "abs", "signed"], default: "square", "what of the differences is averaged")
  private static let granularity = Parameter.choice(
    "granularity", of: Granularity.allCases.map(\.rawValue), default: "param",
    "what has weights of its own: tensor, module, layer, model or element")
  private static let usesSoftmax = Parameter.flag(
    "use_softmax", default: false, "weigh by e to the power of the averages")
  private static let temperature = Parameter.number(
    "temp", in: Parameter.Bounds(0, .infinity, lowerIsOpen: true, upperIsOpen: true), default: 1,
    "what averages are divided by, for use_softmax")

  static let declaration = MethodDeclaration(
    name: "varm",
    summary: "Averages models with weights in proportion to how far each went from the base, tensor by tensor",
    formula: """
      Eₖ = mean s(θₖ − θ₀),  s = x², |x| or x                sums of the tensors' means for module, layer, model
      wₖ = Eₖ / Σ E,  or e^(Eₖ/temp) / Σ e^(E/temp);         1/N each where any Eₖ is 0
      wₖ = s(θₖ − θ₀) / max(Σ s, 1e-13) for each element     item
      out = Σ wₖ·θₖ
      """,
    inputs: .models(base: .required, count: 2...1024), signature: .uniform,
    parameters: [statistic, granularity, usesSoftmax, temperature],
    source: "Wan et al., 2024, “FuseChat”, arXiv:2402.16107 (VaRM)",
    differs: [
      "Every model is compared with the base; the released script compares one pair and gives all the same weights.",
      "The released average of signed differences may cancel; it is offered, and its magnitude taken, as there.",
    ],
    reads: "2 (tensor sums); 1 for item; after a sweep of the model for module, layer and model",
    example: #"{"op": "varm", "base": "pivot", "models": ["a", "b", "c"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let changes = merge.models.map { change in
      switch merge.choice(statistic) {
      case "abs": magnitude(change.delta)
      case "signed": change.delta
      default: change.delta * change.delta
      }
    }
    let granularity = Granularity(rawValue: merge.choice(granularity)) ?? .param
    if granularity == .item {
      let lengths = changes.map(magnitude)
      let divisor = maximum(try Weights.sum(lengths), 1e-13)
      return try Weights.sum(zip(merge.models, lengths).map { $0.value * ($1 / divisor) })
    }
    let share = 1 / Double(max(1, merge.elementCount(of: .tensor)))
    let means = zip(merge.models, changes).map { model, change in
      granularity == .param
        ? total(change) * share
        : merge.totalOverModel(change, for: "\(group(merge.tensor.name, granularity)) of \(model.index)", scale: share)
    }
    let weights = try merge.solve(
      "varm of \(means.count)", means, [merge.flag(usesSoftmax) ? merge[temperature] : 0], count: means.count
    ) { means, parameters in
      let lengths = means.map(abs)
      guard !lengths.contains(0) else { return lengths.map { _ in 1 / Double(lengths.count) } }
      let most = lengths.max() ?? 0
      let powers =
        parameters[0] == 0
        ? lengths : lengths.map { Operation.Unary.exponential.apply(($0 - most) / parameters[0]) }
      return powers.map { $0 / powers.reduce(0, +) }
    }
    return try Weights.sum(zip(merge.models, weights).map { $0.value * $1 })
  }

  /// What a tensor shares its weights with; outside layers a module stands for a layer.
  private static func group(_ name: String, _ granularity: Granularity) -> String {
    if granularity == .model { return "model" }
    if granularity == .layer, let layer = LayerPosition(name: name) { return "layer \(layer.index) of \(layer.stack)" }
    return "module \(name.lastIndex(of: ".").map { name[..<$0] } ?? name[...])"
  }
}
