/// BitDelta: the sign of every element, and the mean magnitude.
enum BitDelta: Codec {
  private static let scaleScope = CodecScale.parameter([.tensor, .row], default: "tensor")

  static let declaration = MethodDeclaration(
    name: "sign", summary: "Keeps one bit per element, its sign, and one scale",
    formula: "δ̂ = s · sgn δ with sgn 0 = +1;   s = α · mean |δ|",
    inputs: .list(1...1), signature: .uniform, parameters: [CodecScale.alpha, scaleScope],
    source: "Liu et al., 2024, “BitDelta: Your Fine-Tune May Only Be Worth One Bit”, arXiv:2402.10193",
    differs: ["The paper then trains the scales; here alpha is one factor for all, which --evaluate can search."],
    reads: "2 (a sum)",
    example: #"{"from": "change", "to": "x.tv.safetensors", "codec": "sign", "alpha": 1.5}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    let extent = CodecScale.Extent(rawValue: merge.choice(scaleScope)) ?? .tensor
    return direction(delta) * (CodecScale.meanMagnitude(delta, over: extent, of: merge) * merge[CodecScale.alpha])
  }
}
