/// Interpolation along the great circle between two checkpoints, tensor by tensor.
enum Slerp: Method {
  private static let t = Parameter.number("t", "place on the arc: 0 is the base, 1 the model")
  private static let dotThreshold = Parameter.number(
    "dot_threshold", in: .fraction, default: 0.9995, "where |cos Ω| is above this, the straight line is taken")
  private static let epsilon = Parameter.number(
    "eps", in: .nonNegative, default: 1e-8, "a tensor no longer than this is not normalised")

  static let declaration = MethodDeclaration(
    name: "slerp",
    summary: "Interpolates on the great circle from the base to one model, one angle per tensor",
    formula: """
      Ω = arccos ⟨θ₀, θ₁⟩ / (‖θ₀‖·‖θ₁‖)
      out = sin((1 − t)·Ω)/sin Ω · θ₀ + sin(t·Ω)/sin Ω · θ₁
      out = (1 − t)·θ₀ + t·θ₁                   where |cos Ω| > dot_threshold
      """,
    inputs: .models(base: .required, count: 1...1), signature: .uniform,
    parameters: [t, dotThreshold, epsilon],
    source: "Shoemake, 1985, “Animating rotation with quaternion curves”; for weights as in mergekit",
    reads: "2 (tensor sums)", numerics: .transcendental,
    example: #"{"op": "slerp", "base": "a", "models": ["b"], "t": 0.5}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let v0 = merge.base, let v1 = merge.models.first?.value else { throw .missingInput }
    func length(_ v: Value) -> Value { select(isGreater(norm(v), merge[epsilon]), norm(v), 1) }
    let cosine = dot(v0, v1) / (length(v0) * length(v1))
    let isLine = isGreater(magnitude(cosine), merge[dotThreshold])
    return Arc.interpolate(v0, v1, merge[t], cosine: cosine, isLine: isLine)
  }
}

/// What the spherical methods share.
enum Arc {
  /// Two vectors combined at place `t` of the arc between them, or of the straight line where `isLine`.
  static func interpolate(_ v0: Value, _ v1: Value, _ t: Double, cosine: Value, isLine: Value) -> Value {
    let omega = angle(cosine: cosine)
    let c0 = select(isLine, 1 - t, sine(omega * (1 - t)) / sine(omega))
    let c1 = select(isLine, t, sine(omega * t) / sine(omega))
    return v0 * c0 + v1 * c1
  }
}
