/// Model breadcrumbs: task vectors without their largest outliers and without their tail.
enum Breadcrumbs: Method {
  private enum Variant: String, CaseIterable {
    case mergekit, mergekitVerbatim = "mergekit_verbatim", original, mergellm
  }

  private static let gamma = Parameter.number(
    "gamma", in: .fraction, default: 0.01, perModel: true,
    "fraction of the delta's elements, the largest, that is removed; the paper calls it β, and density γ")
  private static let variant = Parameter.choice(
    "variant", of: Variant.allCases.map(\.rawValue), default: "mergekit",
    "whose selection: the tool's, with its slice that keeps nothing where no outlier is removed, the authors', MergeLLM's"
  )
  private static let order = Parameter.choice(
    "order", of: ["remove_first", "keep_first"], default: "remove_first",
    "original: whether the outliers are taken from the row, or from what is kept of it")
  private static let maskRate = Parameter.number(
    "mask_rate", in: .fraction, default: 0, "mergellm: fraction of the elements, the smallest, that is removed")
  static let parameters = [
    .weight, TaskVectors.density, gamma, .lambda, Dare.normalize, TaskVectors.rescale, variant, order, maskRate,
    TaskVectors.deltaRounding,
  ]
  static let formula = """
    |δₖ| in ascending order, equal ones as they stand; n elements of a tensor, or c of a row
    mergekit   keep places b … n − t − 1,  t = Int(gamma·n), b = n − Int(density·n) − t; where b < 0: t += b, b = 0
    original   per row of c: zero the Int(gamma·c) largest, then all but the Int(density·c) largest of the rest
    mergellm   keep a ≤ |δₖ| ≤ z,  a at place s = Int(mask_rate·n), z at n − (Int((1 − density)·n) − s), from 1
    """
  static let source = "Davari and Belilovsky, 2023, “Model breadcrumbs”, arXiv:2312.06795; mergekit and MergeLLM"
  static let differs = [
    "mergekit keeps nothing of a tensor in which gamma removes no element, as of most vectors; so does mergekit_verbatim.",
    "A single number without an axis is kept.",
  ]
  static let reads = "2 or 3 (two thresholds, one more where a guess misses); original: 1"

  static let declaration = MethodDeclaration(
    name: "breadcrumbs",
    summary: "Removes the largest and the smallest elements of each task vector, and adds the weighted sum of the rest",
    formula: formula + "\nout = θ₀ + λ · Σ wₖ·δ̃ₖ                (normalize divides the sum by Σ wₖ)",
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors, parameters: parameters,
    source: source, differs: differs, reads: reads,
    example: #"{"op": "breadcrumbs", "base": "base", "models": ["math", "code"], "density": 0.9, "gamma": 0.01}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.combine(
      merge, try deltas(merge), election: nil, normalize: merge.flag(Dare.normalize), lambda: merge[.lambda])
  }

  static func warning(of merge: Merge) -> String? {
    guard merge.choice(variant) == Variant.mergekitVerbatim.rawValue, !merge.isScalar else { return nil }
    let count = merge.elementCount(of: .tensor)
    // A gamma of 0 is seen where it is written.
    for model in merge.models where model[gamma] > 0 && model[TaskVectors.density] < 1 {
      guard places(count, density: model[TaskVectors.density], gamma: model[gamma]).top == 0 else { continue }
      return
        "'gamma' \(model[gamma]) removes none of \(count) elements: mergekit then drops the whole task vector, and so does "
        + "this; \"variant\": \"mergekit\" keeps it"
    }
    return nil
  }

  /// How many elements the tool takes from the top of a delta, and from its bottom.
  private static func places(_ count: Int, density: Double, gamma: Double) -> (top: Int, bottom: Int) {
    let top = Int(gamma * Double(count))
    let bottom = count - Int(density * Double(count)) - top
    return (top + min(0, bottom), max(0, bottom))
  }

  static func deltas(_ merge: Merge) throws(MethodError) -> [Value] {
    try merge.models.map { model throws(MethodError) in
      let kept = try band(merge, model.delta, density: model[TaskVectors.density], gamma: model[gamma])
      return merge.flag(TaskVectors.rescale) ? TaskVectors.matchL1(kept, to: model.delta) : kept
    }
  }

  /// The elements of a delta between its outliers and its tail.
  private static func band(
    _ merge: Merge, _ delta: Value, density: Double, gamma: Double
  ) throws(MethodError) -> Value {
    let variant = Variant(rawValue: merge.choice(variant)) ?? .mergekit
    let count = merge.elementCount(of: .tensor)
    guard !merge.isScalar, count > 0, density < 1 || variant == .original else { return delta }
    switch variant {
    case .mergekit, .mergekitVerbatim:
      let (top, bottom) = places(count, density: density, gamma: gamma)
      if top == 0, variant == .mergekitVerbatim { return delta * 0 }
      return merge.keepLargest(delta, Quota(count: .fixed(count - bottom), keepsLastTies: true))
        - merge.keepLargest(delta, Quota(count: .fixed(top), keepsLastTies: true))
    case .original:
      let row = merge.rows
      let (top, kept) = (Int(gamma * Double(row.length)), Int(density * Double(row.length)))
      let ranks = merge.magnitudeRanks(delta, along: row)
      let least = merge.choice(order) == "keep_first" ? row.length - kept : row.length - top - kept
      return select(isAtLeast(ranks, Double(least)) - isAtLeast(ranks, Double(row.length - top)), delta, 0)
    case .mergellm:
      let small = Int(merge[maskRate] * Double(count))
      let large = Int(Double(count) * (1 - density)) - small
      guard large >= 0 else {
        throw MethodError(
          "mask_rate \(merge[maskRate]) removes more than the 1 − density of \(1 - density), expected no more; lower it"
        )
      }
      let size = magnitude(delta)
      let (least, most) = (merge.order(size, rank: small - 1), merge.order(size, rank: count - large - 1))
      return select(isAtLeast(size, least) * isAtLeast(most, size), delta, 0)
    }
  }
}
