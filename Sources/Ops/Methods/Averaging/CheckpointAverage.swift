/// Checkpoints of one training run averaged, which imitates a decay of the learning rate.
enum CheckpointAverage: Method {
  private enum Kind: String, CaseIterable { case sma, ema, wma }

  private static let kind = Parameter.choice(
    "kind", of: Kind.allCases.map(\.rawValue), default: "sma",
    "all alike; the newest most, falling exponentially; or in proportion to their place")
  private static let alpha = Parameter.number(
    "alpha", in: Parameter.Bounds(0, 1, lowerIsOpen: true), default: 0.2, "share of each newer checkpoint, for ema")
  private static let form = Parameter.choice(
    "ema_form", of: ["recursive", "closed"], default: "recursive",
    "the oldest has the weight that is left; or that of all others, and the sum is divided out")

  static let declaration = MethodDeclaration(
    name: "checkpoint_average",
    summary: "Averages checkpoints of one run, oldest first: simply, exponentially or in proportion to their place",
    formula: """
      out = Σ wᵢ·θᵢ / Σ wᵢ,   i = 1 … n, oldest first
      sma  wᵢ = 1
      wma  wᵢ = i
      ema  wᵢ = α·(1 − α)ⁿ⁻ⁱ, and in the recursive form w₁ = (1 − α)ⁿ⁻¹
      """,
    inputs: .models(base: .none, count: 1...1024), signature: .uniform,
    parameters: [kind, alpha, form],
    source: "Li et al., 2025, “Model merging in pre-training of large language models”, arXiv:2505.12082",
    differs: ["One weighted sum is computed; the average is not updated checkpoint by checkpoint in a storage type."],
    example: #"{"op": "checkpoint_average", "models": ["step1000", "step2000", "step3000"], "kind": "ema"}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let count = merge.models.count
    let kept = 1 - merge[alpha]
    let weights = (0..<count).map { place -> Double in
      switch Kind(rawValue: merge.choice(kind)) {
      case .wma: Double(place + 1)
      case .ema: power(kept, count - 1 - place) * (place == 0 && merge.choice(form) == "recursive" ? 1 : merge[alpha])
      case .sma, nil: 1
      }
    }
    let total = try Weights.total(weights)
    return try Weights.sum(merge.models.map(\.value), weights.map { $0 / total })
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { power, _ in power * base }
  }
}
