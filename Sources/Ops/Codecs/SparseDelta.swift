internal import WeirTensors

/// The largest elements of a task vector with their values.
enum SparseDelta: Codec {
  private static let density = Parameter.number(
    "density", in: Parameter.Bounds(0, 1, lowerIsOpen: true), default: 1,
    "fraction of the elements that is kept; 1 keeps every element that changed, to the byte")
  private static let scope = Parameter.choice(
    "scope", of: ["model", "tensor"], default: "model", "what density is a fraction of")

  static let declaration = MethodDeclaration(
    name: "sparse", summary: "Keeps the values of the largest elements, for updates that change few of them",
    formula: "δ̂ = bf16(δ) where |δ| is among the density·n largest, else 0;   density 1: θ itself where θ ≠ θ₀",
    inputs: .list(1...1), signature: .uniform, parameters: [density, scope],
    source:
      "Mukherjee et al., 2025, “Reinforcement Learning Finetunes Small Subnetworks in Large Language Models”, arXiv:2505.11711, on why few elements change",
    reads: "1 (2 or more for a density below 1)",
    example: #"{"from": "tuned", "to": "x.tv.safetensors", "base": "base", "codec": "sparse"}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    let isModelScope = merge.choice(scope) == "model"
    if isModelScope { try merge.requireOneValue(of: density) }
    let kept = merge.trim(delta, of: 0, density: merge[density], scope: isModelScope ? .model : .tensor)
    return rounded(kept, to: .bf16)
  }
}

/// The task vector itself.
enum DenseDelta: Codec {
  private static let dtype = Parameter.choice(
    "values", of: ["f32", "bf16"], default: "f32", "the type in which values are kept")

  static let declaration = MethodDeclaration(
    name: "dense", summary: "Keeps every value, for tensors that are small or matter most",
    formula: "δ̂ = δ, or bf16(δ)",
    inputs: .list(1...1), signature: .uniform, parameters: [dtype],
    source: "Ilharco et al., 2023, “Editing Models with Task Arithmetic”, arXiv:2212.04089",
    example:
      #"{"from": "change", "to": "x.tv.safetensors", "codec": [{"for": "*norm*", "codec": "dense"}, {"codec": "ternary"}]}"#
  )

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    return rounded(delta, to: merge.choice(dtype) == "bf16" ? .bf16 : .f32)
  }
}
