/// Model breadcrumbs, then the sign election of TIES.
enum BreadcrumbsTies: Method {
  static let declaration = MethodDeclaration(
    name: "breadcrumbs_ties",
    summary: "Removes the largest and the smallest elements of each task vector, elects signs, and sums what agrees",
    formula: Breadcrumbs.formula + """

      vₖ = wₖ·δ̃ₖ, e = sgn Σ vₖ
      out = θ₀ + λ · Σ [sgn vₖ = e]·vₖ         (normalize divides by Σ [sgn vₖ = e]·wₖ)
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors, parameters: Breadcrumbs.parameters,
    source: Breadcrumbs.source + "; election as in TIES, arXiv:2306.01708", differs: Breadcrumbs.differs,
    reads: Breadcrumbs.reads,
    example: #"{"op": "breadcrumbs_ties", "base": "base", "models": ["math", "code"], "density": 0.9, "gamma": 0.01}"#)

  static func warning(of merge: Merge) -> String? { Breadcrumbs.warning(of: merge) }

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, try Breadcrumbs.deltas(merge), election: .sum, normalize: merge.flag(Dare.normalize),
      lambda: merge[.lambda])
  }
}
