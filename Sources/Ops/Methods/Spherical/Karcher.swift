/// The point on the sphere from which several tensors' directions are equally far, at their mean length.
enum Karcher: Method {
  private static let iterations = Parameter.integer(
    "max_iter", in: 1...10_000, default: 10, "most steps that are taken")
  private static let tolerance = Parameter.number(
    "tol", in: .nonNegative, default: 1e-5, "a step shorter than this is the last; a tensor no longer has no direction")

  static let declaration = MethodDeclaration(
    name: "karcher",
    summary: "Finds the Karcher mean of several models' directions on the sphere, and scales it to their mean length",
    formula: """
      u = Σ aₖ·ûₖ / ‖·‖,  ûₖ = θₖ/‖θₖ‖,  aₖ = wₖ / Σ w                     per tensor
      repeat:  φₖ = arccos ⟨u, ûₖ⟩,  T = Σ aₖ·φₖ/sin φₖ·(ûₖ − cos φₖ·u),  r = ‖T‖
               u = cos r·u + sin r·T/r          until r < tol, at most max_iter times
      out = Σ aₖ·‖θₖ‖ · u
      """,
    inputs: .models(base: .none, count: 1...1024), signature: .uniform,
    parameters: [.weight, iterations, tolerance],
    source: "Karcher, 1977, “Riemannian center of mass and mollifier smoothing”; for weights as in mergekit's karcher",
    differs: ["Weights count; the tool takes all models alike."],
    reads: "2 (tensor sums), however many steps", numerics: .transcendental,
    example: #"{"op": "karcher", "models": ["a", "b", "c"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    if merge.models.count == 1 { return merge.models[0].value }
    let weights = merge.models.map { $0[.weight] }
    let total = try Weights.total(weights)
    let parameters = weights.map { $0 / total } + [merge[iterations], merge[tolerance]]
    return try merge.combination("karcher of \(weights.count)", of: merge.models.map(\.value), parameters) {
      gram, parameters throws(MethodError) in
      try coefficients(gram, Array(parameters.dropLast(2)), Int(parameters[gram.count]), parameters[gram.count + 1])
    }
  }

  /// The coefficients of the tensors in the scaled mean; u is kept as `Σ cₖ·θₖ`.
  private static func coefficients(
    _ gram: Gram, _ weights: [Double], _ steps: Int, _ tolerance: Double
  ) throws(MethodError) -> [Double] {
    let lengths = weights.indices.map(gram.norm)
    let kept = weights.indices.filter { lengths[$0] > tolerance }
    guard let first = kept.first else { return weights.map { _ in 0 } }
    let share = try Weights.total(kept.map { weights[$0] })
    func unit(_ c: [Double]) -> [Double]? {
      let length = gram.product(c, c).squareRoot()
      return length < tolerance ? nil : c.map { $0 / length }
    }
    var a = weights.map { _ in 0.0 }
    for k in kept { a[k] = weights[k] / share }
    var u =
      unit(weights.indices.map { a[$0] == 0 ? 0 : a[$0] / lengths[$0] })
      ?? weights.indices.map { $0 == first ? 1 / lengths[$0] : 0 }
    for _ in 0..<steps {
      var step = weights.map { _ in 0.0 }
      var along = 0.0
      for k in kept {
        let cosine = min(1, max(-1, weights.indices.reduce(0) { $0 + gram[k, $1] * u[$1] } / lengths[k]))
        let angle = CMath.arccosine(cosine)
        guard angle < Double.pi - 1e-6 else {
          throw MethodError("model \(k + 1) is opposite to the mean, expected directions less far apart")
        }
        let pull = angle < tolerance ? 0 : a[k] * angle / CMath.sine(angle)
        step[k] = pull / lengths[k]
        along += pull * cosine
      }
      for k in u.indices { step[k] -= along * u[k] }
      let length = gram.product(step, step).squareRoot()
      if !(length >= tolerance) || length == 0 { break }
      u = unit(u.indices.map { CMath.cosine(length) * u[$0] + CMath.sine(length) * step[$0] / length }) ?? u
    }
    let length = weights.indices.reduce(0) { $0 + weights[$1] * lengths[$1] }
    return u.map { $0 * length }
  }
}
