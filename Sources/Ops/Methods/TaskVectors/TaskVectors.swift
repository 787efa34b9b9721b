/// How the task-vector methods put sparsified deltas together: sign election, normalisation, scale, base.
enum TaskVectors {
  static let normalize = "divide by the sum of the weights that took part"
  static let density = Parameter.number(
    "density", in: .fraction, default: 1, perModel: true, "fraction of the delta's elements that is kept")
  static let deltaRounding = Parameter.choice(
    "delta_rounding", of: ["none", "base_dtype"], default: "none",
    "round every delta to the base's type first, as tools do that compute in it")
  static let rescale = Parameter.flag(
    "rescale", default: false, "scale what is kept to the delta's own L1 norm, where neither is below 1e-7")
  static let seed = Parameter.integer("seed", in: 0...Int.max, default: 0, "seed of the random masks")

  enum Election: String, CaseIterable {
    /// The sign of the sum of the weighted deltas.
    case sum
    /// The sign that more models have.
    case count
  }

  /// Base + λ · the (normalised) sum of the weighted deltas, of those that agree with the elected sign if there is one.
  ///
  ///     vₖ = wₖ·δ̃ₖ
  ///     e = +1 if Σ vₖ ≥ 0 (or Σ sgn vₖ ≥ 0), else −1
  ///     out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ / Σ [sgn vₖ = e]·wₖ         a divisor of 0 counts as 1
  ///
  /// - Parameter deltas: δ̃ₖ, one per model of the merge.
  static func combine(
    _ merge: Merge, _ deltas: [Value], election: Election?, normalize: Bool, lambda: Double
  ) throws(MethodError) -> Value {
    let weights = merge.models.map { $0[.weight] }
    if election == .sum, !deltas.isEmpty, deltas.allSatisfy({ $0.extent == .element }) {
      return merge.applied(electedSum(deltas, weights: weights, normalize: normalize) * lambda)
    }
    let weighted = zip(deltas, weights).map { $0 * $1 }
    guard let election else {
      let total = weights.reduce(0, +)
      let merged = try Weights.sum(weighted)
      return merge.applied((normalize && abs(total) >= 1e-8 ? merged / total : merged) * lambda)
    }
    let elected = try elect(weighted, by: election)
    let agreeing = weighted.map { agrees($0, with: elected) }
    var merged = try Weights.sum(zip(agreeing, weighted).map { select($0, $1, 0) })
    if normalize {
      let divisor = try Weights.sum(agreeing, weights)
      merged = merged / select(isEqual(divisor, 0), 1, divisor)
    }
    return merge.applied(merged * lambda)
  }

  /// What is kept of a delta, scaled to the L1 norm of the whole; as it is where either norm is below 1e-7.
  static func matchL1(_ kept: Value, to delta: Value) -> Value {
    let (before, after) = (total(magnitude(delta)), total(magnitude(kept)))
    let isSmall = isGreater(before.graph.constant(1e-7), minimum(before, after))
    return kept * select(isSmall, 1, before / after)
  }

  /// +1 where the sum (or the count of signs) is not negative, else −1.
  static func elect(_ values: [Value], by election: Election) throws(MethodError) -> Value {
    let votes = try Weights.sum(election == .sum ? values : values.map(sign))
    return direction(votes)
  }

  /// 1 where a value has the elected sign; a zero never has.
  static func agrees(_ value: Value, with elected: Value) -> Value { isGreater(value * elected, 0) }
}
