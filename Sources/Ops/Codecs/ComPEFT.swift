/// ComPEFT: the largest elements of a task vector, each reduced to its sign and one scale.
enum ComPEFT: Codec {
  private enum Scale: String, CaseIterable { case sigma, mean }
  private enum Ties: String, CaseIterable { case exactK = "exact_k", paper }

  private static let density = Parameter.number(
    "density", in: Parameter.Bounds(0, 1, lowerIsOpen: true), default: 0.05, "fraction of the elements that is kept")
  private static let scope = Parameter.choice(
    "scope", of: ["model", "tensor"], default: "model",
    "what density is a fraction of: the whole task vector, as in the paper, or each tensor")
  private static let ties = Parameter.choice(
    "ties", of: Ties.allCases.map(\.rawValue), default: Ties.exactK.rawValue,
    "exactly that many, equal magnitudes by their index; or all at or above the threshold, as in the paper")
  private static let scale = Parameter.choice(
    "scale", of: Scale.allCases.map(\.rawValue), default: Scale.sigma.rawValue,
    "alpha times the standard deviation of the whole delta, or times the mean magnitude of what is kept")
  private static let scaleScope = CodecScale.parameter([.model, .tensor, .row], default: "auto")
  private static let coding = Parameter.choice(
    "coding", of: ["classes", "context", "plane", "auto"], default: "classes",
    "how positions are coded: by density classes, by these and the base's exponents, by zstd, or the smallest per tensor"
  )

  static let declaration = MethodDeclaration(
    name: "ternary", summary: "Keeps the signs of the largest elements, and one scale",
    formula: """
      keep = the density·n largest |δ|
      δ̂ = s · sgn δ where kept, else 0;   s = α·σ, or α · mean {|δ| : kept}
      σ² = (Σδ² − (Σδ)²/n) / (n − 1), over all elements, zeros included
      """,
    inputs: .list(1...1), signature: .uniform,
    parameters: [density, CodecScale.alpha, scope, ties, scale, scaleScope, coding],
    source: "Yadav et al., 2023, “ComPEFT”, arXiv:2311.13171",
    differs: [
      "Exactly density·n elements are kept unless ties is paper: the paper's rule keeps every element at the threshold, which on bf16 deltas is three times as many.",
      "scale_scope auto is the model for sigma, as in the paper, and the tensor for mean.",
    ],
    reads: "2 or more (a threshold and sums, of the model or of the tensor)",
    example: #"{"from": "change", "to": "x.tv.safetensors", "codec": "ternary", "density": 0.05}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    let isModelScope = merge.choice(scope) == "model"
    if isModelScope { try merge.requireOneValue(of: density) }
    let isPaper = merge.choice(ties) == Ties.paper.rawValue
    let kept = merge.trim(
      delta, of: 0, density: merge[density], rule: isPaper ? .threshold : .exactK,
      scope: isModelScope ? .model : .tensor, extra: isPaper ? 1 : 0)
    return sign(kept) * (scale(merge, delta, kept) * merge[CodecScale.alpha])
  }

  private static func scale(_ merge: Merge, _ delta: Value, _ kept: Value) -> Value {
    let isMean = merge.choice(scale) == Scale.mean.rawValue
    let extent = CodecScale.Extent(rawValue: merge.choice(scaleScope)) ?? (isMean ? .tensor : .model)
    guard isMean else { return CodecScale.deviation(delta, over: extent, of: merge) }
    let sum = CodecScale.total(magnitude(kept), over: extent, of: merge, for: "kept magnitude")
    let count = CodecScale.total(magnitude(sign(kept)), over: extent, of: merge, for: "kept count")
    return sum / maximum(count, 1)
  }
}
