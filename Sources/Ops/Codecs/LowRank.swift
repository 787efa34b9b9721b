/// The singular vectors of the largest singular values.
enum LowRank: Codec {
  private static let rank = Parameter.integer(
    "rank", in: 0...65536, default: 0, "singular values that are kept; 0 leaves it to energy")
  private static let energy = Parameter.number(
    "energy", in: .fraction, default: 0.9, "share of Σσ² that is kept, where no rank is given")
  private static let factors = Parameter.choice(
    "factors", of: ["bf16", "int8"], default: "bf16", "the type of the two factors")

  static let declaration = MethodDeclaration(
    name: "lowrank", summary: "Keeps a product of two thin matrices per weight matrix",
    formula: """
      δ = U Σ Vᵀ,  δ̂ = (Uᵣ √Σᵣ) (√Σᵣ Vᵣᵀ)   of each matrix; all other tensors as dense
      r = rank, or the least with σ₁² + … + σᵣ² ≥ energy · Σσ²
      """,
    inputs: .list(1...1), signature: .uniform, parameters: [rank, energy, factors],
    source:
      "Eckart and Young, 1936; for deltas Ryu et al., 2023, “Efficient Storage of Fine-Tuned Models via Low-Rank Approximation of Weight Residuals”, arXiv:2305.18425",
    differs: [
      "A matrix is decomposed in memory: where it does not fit the budget, the run is refused before it starts."
    ],
    reads: "1, the matrix held in memory",
    numerics: .transcendental,
    example: #"{"from": "change", "to": "x.tv.safetensors", "codec": "lowrank", "rank": 16}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    return delta
  }
}
