/// Arcee Fusion: a fine-tune's most important elements copied into the base.
enum ArceeFusion: Method {
  private static let factor = Parameter.number(
    "iqr_factor", default: 1.5, "how many interquartile ranges above the median an important score lies")

  static let declaration = MethodDeclaration(
    name: "arcee_fusion",
    summary:
      "Copies into the base those elements of a fine-tune whose change, weighed by its row's divergence, stands out",
    formula: """
      p = softmax(θ₁) + 1e-8,  q = softmax(θ₀) + 1e-8                per row, along the last axis
      s = |θ₁ − θ₀| · Σ p·ln(p/q)                                    the sum over the row
      Q(x) = the element at place ⌊x·(n − 1)⌋ of the n scores of the tensor in ascending order
      out = θ₁ where s ≥ Q(½) + iqr_factor·(Q(¾) − Q(¼)), θ₀ elsewhere
      """,
    inputs: .models(base: .required, count: 1...1), signature: .uniform, parameters: [factor],
    source: "mergekit's arcee_fusion (Goddard et al., 2024, arXiv:2403.13257)",
    differs: [
      "Quantiles are those of all scores; the tool takes them from a million random ones of a larger tensor.",
      "An important element is the fine-tune's own; the tool adds its rounded change to the base.",
    ],
    reads: "5 to 7 (row sums, then three quantiles), from the page cache after the first",
    example: #"{"op": "arcee_fusion", "base": "base", "models": ["math"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let base = merge.base, let model = merge.models.first else { throw .missingInput }
    let (p, q) = (softmax(model.value), softmax(base))
    let scores = magnitude(model.delta) * total(p * logarithm(p / q), over: .row)
    func quantile(_ x: Double) -> Value {
      merge.order(scores, rank: Int(x * Double(merge.elementCount(of: .tensor) - 1)))
    }
    let threshold = quantile(0.5) + (quantile(0.75) - quantile(0.25)) * merge[factor]
    return select(isAtLeast(scores, threshold), model.value, base)
  }

  private static func softmax(_ x: Value) -> Value {
    let powers = exponential(x - largest(x, over: .row))
    return powers / total(powers, over: .row) + 1e-8
  }
}
