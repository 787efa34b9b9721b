internal import WeirTensors

/// Robust weight signatures: what robust training adds beside ordinary training, carried to another model.
enum Rws: Method {
  private static let alpha = Parameter.number(
    "alpha", default: 1, "scale of the signatures' mean; a negative one takes them away")
  private static let norms = Parameter.choice(
    "bn_policy", of: ["keep", "mean"], default: "mean",
    "tensors whose names contain bn or downsample: as in the base, or the mean of the robust models'")
  private static let isSquared = Parameter.flag(
    "compat_square", default: false, "scale by (alpha/n)² as the released script does")

  static let declaration = MethodDeclaration(
    name: "rws",
    summary: "Adds to a model what robust fine-tunes changed at right angles to an ordinary fine-tune",
    formula: """
      models are pretrained P, standard S, robust R₁ … Rₙ; the base is the model that is patched, S itself or another
      s = S − P,  vₖ = Rₖ − P,  RWSₖ = vₖ − ⟨s, vₖ⟩/⟨s, s⟩·s          per tensor; vₖ where s is 0
      out = θ₀ + alpha/n · Σ RWSₖ
      """,
    inputs: .models(base: .required, count: 3...1024), signature: .uniform,
    parameters: [alpha, norms, isSquared],
    source: "Cai et al., 2023, “Robust weight signatures”, arXiv:2302.12480",
    differs: [
      "Which layers are patched is said with include; the paper patches the first few.",
      "The mean is scaled once; the released script does it twice.",
      "Where s is 0 the signature is the whole change, not a number that is none.",
    ],
    reads: "2 (tensor sums)",
    example: """
      {"op": "rws", "base": "standard", "models": ["pretrained", "standard", "robust"], \
      "include": ["layers.0.*", "layers.1.*"]}
      """)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let models = merge.models.map(\.value)
    guard let target = merge.base, models.count > 2, merge.models[1].index == 1 else { throw .missingInput }
    let count = Double(models.count - 2)
    if ["bn", "downsample"].contains(where: merge.tensor.name.contains) {
      return merge.choice(norms) == "mean" ? try Weights.sum(Array(models.dropFirst(2))) / count : target
    }
    let factor = merge[alpha] / count
    let ordinary = models[1] - models[0]
    let length = dot(ordinary, ordinary)
    var result = target
    for robust in models.dropFirst(2) {
      let change = robust - models[0]
      let along = select(isGreater(length, 0), dot(ordinary, change) / length, 0)
      result = result + (change - ordinary * along) * (merge.flag(isSquared) ? factor * factor : factor)
    }
    return result
  }
}
