internal import WeirTensors

/// Outer layers of one expert, middle layers of another.
enum LayerSwap: Method {
  private static let bottom = Parameter.integer("bottom", in: 0...10_000, "first layers taken from the first model")
  private static let top = Parameter.integer("top", in: 0...10_000, "last layers taken from the first model")
  private static let transitionBottom = Parameter.integer(
    "transition_bottom", in: 0...10_000, "layers after the first ones that are blended")
  private static let transitionTop = Parameter.integer(
    "transition_top", in: 0...10_000, "layers before the last ones that are blended")
  private static let blend = Parameter.number(
    "blend", in: .fraction, default: 0.5, "share of the first model in a blended layer")
  private static let outside = Parameter.choice(
    "outside", of: ["a", "b", "average"], default: nil,
    "where embeddings, norms and heads come from: the first model, the second, or both")

  static let declaration = MethodDeclaration(
    name: "layer_swap",
    summary: "Takes outer layers from one expert and the layers between from another, with blended layers at the seams",
    formula: """
      layer l of L:  l < bottom or l ≥ L − top                           θ_A
                     then transition_bottom and transition_top layers    blend·θ_A + (1 − blend)·θ_B
                     the others                                          θ_B
      """,
    inputs: .models(base: .none, count: 2...2), signature: .uniform,
    parameters: [bottom, top, transitionBottom, transitionTop, blend, outside],
    source: "Bandarkar et al., 2024, “Layer swapping for zero-shot cross-lingual transfer”, arXiv:2410.01335",
    differs: ["The numbers of layers have no defaults, since they depend on the model."],
    example: """
      {"op": "layer_swap", "models": ["language", "math"], "bottom": 5, "top": 5, "transition_bottom": 4, \
      "transition_top": 4, "outside": "a"}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 2 else { throw .missingInput }
    let (a, b) = (merge.models[0].value, merge.models[1].value)
    guard case .layer(let layer, of: let count) = merge.placement else {
      switch merge.choice(outside) {
      case "a": return a
      case "b": return b
      default: return a * 0.5 + b * 0.5
      }
    }
    let (low, high) = (Int(merge[bottom]), count - Int(merge[top]))
    let (lowEnd, highStart) = (low + Int(merge[transitionBottom]), high - Int(merge[transitionTop]))
    guard lowEnd <= highStart else {
      throw MethodError(
        "'bottom', 'top' and the transitions are \(lowEnd + count - highStart) layers, expected at most \(count)")
    }
    if layer < low || layer >= high { return a }
    return layer < lowEnd || layer >= highStart ? a * merge[blend] + b * (1 - merge[blend]) : b
  }
}
