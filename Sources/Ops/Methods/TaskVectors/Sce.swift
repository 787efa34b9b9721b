/// Select, calculate, erase: elements in which the models differ, weighted by energy, without minority signs.
enum Sce: Method {
  private static let share = Parameter.number(
    "select_topk", in: .fraction, default: 1, "fraction of the elements that differ between models that is selected")
  private static let variant = Parameter.choice(
    "variant", of: ["mergekit", "fuseai"], default: "mergekit",
    "whether unselected elements stay as the base has them, or the selection counts for the weights alone")
  private static let floor = Parameter.number(
    "energy_floor", in: .nonNegative, default: 0,
    "where the energies sum to less, all models weigh alike; mergekit has 1e-6, which most fine-tunes stay below")

  static let declaration = MethodDeclaration(
    name: "sce",
    summary: "Selects the elements that vary most between models, weighs models by energy, and drops minority signs",
    formula: """
      s = the select_topk largest of the variances of the δₖ that are not 0          per tensor
      wₖ = Σ (s·δₖ)² / Σⱼ Σ (s·δⱼ)²
      tₖ = s·δₖ (mergekit) or δₖ (fuseai),  e = sgn Σ tₖ
      out = θ₀ + Σ [sgn tₖ = e]·wₖ·tₖ / Σ [sgn tₖ = e]·wₖ
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [share, variant, floor, TaskVectors.deltaRounding],
    source: "Wan et al., 2024, “FuseChat”, arXiv:2408.07990; mergekit's sce",
    differs: ["Energies have no floor but where one is given; mergekit takes all models alike below 1e-6."],
    reads: "2 (tensor sums), 4 with a selection",
    example: #"{"op": "sce", "base": "base", "models": ["a", "b", "c"], "select_topk": 0.1}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let deltas = merge.models.map(\.delta)
    var selected = deltas
    if merge[share] < 1, !merge.isScalar {
      let spread = try variance(deltas)
      let isSelected = isGreater(merge.keepLargest(spread, shareOfNonzero: merge[share]), 0)
      selected = deltas.map { select(isSelected, $0, 0) }
    }
    let isTool = merge.choice(variant) == "mergekit"
    let energies = selected.map { dot($0, $0) / Double(max(1, merge.elementCount(of: .tensor))) }
    let total = try Weights.sum(energies)
    let isEven = isGreater(maximum(total.graph.constant(merge[floor]), .leastNonzeroMagnitude), total)
    let weights = energies.map { select(isEven, 1 / Double(deltas.count), $0 / total) }
    let terms = isTool ? selected : deltas
    let elected = try TaskVectors.elect(terms, by: .sum)
    let agreeing = terms.map { TaskVectors.agrees($0, with: elected) }
    let sum = try Weights.sum(zip(agreeing, zip(terms, weights)).map { select($0, $1.0 * $1.1, 0) })
    let divisor = try Weights.sum(zip(agreeing, weights).map { $0 * $1 })
    return merge.applied(sum / (isTool ? maximum(divisor, 1e-6) : select(isEqual(divisor, 0), 1, divisor)))
  }

  /// N² times the variance over the models: exactly 0 where all are equal, and without rounding in coarse numbers.
  private static func variance(_ deltas: [Value]) throws(MethodError) -> Value {
    let offsets = deltas.map { $0 - deltas[0] }
    let sum = try Weights.sum(offsets)
    return try Weights.sum(offsets.map { $0 * $0 }) * Double(deltas.count) - sum * sum
  }
}
