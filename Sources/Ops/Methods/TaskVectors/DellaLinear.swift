/// DELLA's random drop, then a plain weighted sum of the deltas.
enum DellaLinear: Method {
  static let declaration = MethodDeclaration(
    name: "della_linear",
    summary: "Drops delta elements at random, small rather than large ones, and adds their weighted sum to the base",
    formula: Della.formula + "\nout = θ₀ + λ · Σ wₖ·δ̃ₖ                (normalize divides the sum by Σ wₖ)",
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: Della.parameters(Dare.normalize), source: Della.source, differs: Della.differs, reads: Della.reads,
    example: #"{"op": "della_linear", "base": "base", "models": ["math", "code"], "density": 0.4, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, try Della.deltas(merge), election: nil, normalize: merge.flag(Dare.normalize), lambda: merge[.lambda])
  }
}
