/// Parameter competition balancing: every delta weighed by its importance in its task and its agreement with the others.
enum Pcb: Method {
  private enum Variant: String, CaseIterable {
    case a, b, c

    /// The fraction of the smallest and of the largest deltas that is clamped.
    var tails: Double { self == .a ? 1e-4 : 0.01 }
  }

  private static let ratio = Parameter.number(
    "ratio", in: .fraction, default: 0.1, "fraction of each model's elements that keeps a weight")
  private static let variant = Parameter.choice(
    "variant", of: Variant.allCases.map(\.rawValue), default: "a",
    "which of the authors' formulas: for language models, for vision, or its evolved one")
  private static let scope = Parameter.choice(
    "scope", of: ["model", "tensor"], default: "model", "over what elements are ranked")

  static let declaration = MethodDeclaration(
    name: "pcb",
    summary: "Averages deltas by their size in their task and their agreement with the others, and drops the weakest",
    formula: """
      q(x, l, h) = x limited to the elements at Int(d·l) and Int(d·(1 − h) − 1) of its d sorted ones
      n(x) = (x − min x)/(max x − min x)                               0 where all are equal
      aₖ = q(|δₖ|, ε, ε),  ε = 1e-4 (a) or 0.01 (b, c),  νₖ = sgn δₖ·n(aₖ)
      bₖ = e^(N·n(aₖ)²)·cₖ,  cₖ = tanh(δₖ·Σ δⱼ) (a),  tanh(δₖ·Σ νⱼ) (b),  Σ tanh(νₖ·νⱼ) (c)
      sₖ = n(q(bₖ, 1 − ratio, 0))
      out = θ₀ + λ·Σ wₖ·sgn δₖ·aₖ·sₖ / max(Σ sₖ, 1e-12)
      """,
    inputs: .models(base: .optional, count: 2...1024), signature: .taskVectors,
    parameters: [.weight, ratio, .lambda, variant, scope, TaskVectors.deltaRounding],
    source: "Du et al., 2024, “Parameter competition balancing for model merging”, arXiv:2410.02396",
    differs: ["Where all elements of a task are alike, they have no weight; the released code divides 0 by 0."],
    reads: "1, after about 4 sweeps of the model; scope tensor: about 5",
    example: #"{"op": "pcb", "base": "base", "models": ["math", "code"], "ratio": 0.1, "lambda": 1.2}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let variant = Variant(rawValue: merge.choice(variant)) ?? .a
    if merge.choice(scope) == "model" { try merge.requireOneValue(of: ratio) }
    let count = Double(merge.models.count)
    let deltas = merge.models.map(\.delta)
    let sizes = merge.models.map { clamp(merge, magnitude($0.delta), variant.tails, variant.tails, "size \($0.index)") }
    let signed = zip(deltas, sizes).map { sign($0) * unit($1) }
    let sum = try Weights.sum(variant == .a ? deltas : signed)
    var merged: [Value] = []
    var scales: [Value] = []
    for (place, model) in merge.models.enumerated() {
      let size = sizes[place]
      let agreement =
        variant == .c
        ? try Weights.sum(signed.map { hyperbolicTangent(signed[place] * $0) })
        : hyperbolicTangent(model.delta * sum)
      // Divided by e^N, which cancels in the scale: of some ninety models on it would be beyond a Float32.
      let importance = exponential((unit(size) * unit(size) - 1) * count)
      let scale = unit(clamp(merge, importance * agreement, 1 - merge[ratio], 0, "balance \(model.index)"))
      scales.append(scale)
      merged.append(sign(model.delta) * size.value * scale * model[.weight])
    }
    return merge.applied(try Weights.sum(merged) / maximum(try Weights.sum(scales), 1e-12) * merge[.lambda])
  }

  /// A value limited to an interval, whose ends are its least and its largest elements.
  private typealias Clamped = (value: Value, least: Value, most: Value)

  private static func clamp(
    _ merge: Merge, _ value: Value, _ low: Double, _ high: Double, _ purpose: String
  ) -> Clamped {
    let scope: Scope = merge.choice(scope) == "model" ? .model : .tensor
    let count = Double(merge.elementCount(of: scope))
    let least = merge.order(value, rank: Int(count * low), scope: scope, for: purpose + ", low")
    let most = merge.order(value, rank: Int(count * (1 - high) - 1), scope: scope, for: purpose + ", high")
    return (minimum(maximum(value, least), most), least, most)
  }

  /// What lies in an interval, moved to [0, 1].
  private static func unit(_ clamped: Clamped) -> Value {
    let width = clamped.most - clamped.least
    return select(isGreater(width, 0), (clamped.value - clamped.least) / width, clamped.value * 0)
  }
}
