/// The bit-exact change from the base, in units of the last place.
enum Lossless: Codec {
  static let declaration = MethodDeclaration(
    name: "lossless", summary: "Keeps the exact change, so that the tuned checkpoint comes back to the byte",
    formula: """
      u = ordered(bits of θ) − ordered(bits of θ₀)      ordered: the bits as integers in the order of the numbers
      coded with log₂(row's mean |δ|) − exponent of θ₀ as context
      """,
    inputs: .list(1...1), signature: .uniform,
    source: "The ordered difference is that of Ning et al., 2024, “FM-Delta”, NeurIPS 2024; the context is Weir's own",
    differs: ["F64 tensors that differ, and all that are no floating-point numbers, are stored as they are."],
    example: #"{"from": "tuned", "to": "x.tv.safetensors", "base": "base", "codec": "lossless"}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    return delta
  }
}
