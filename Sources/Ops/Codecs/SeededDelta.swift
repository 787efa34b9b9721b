internal import WeirTensors

/// A random part of a task vector, of which the positions cost nothing: the seed gives them back.
enum SeededSign: Codec {
  private static let density = SeededDelta.density(default: 0.05)
  private static let scaleScope = CodecScale.parameter([.tensor, .row], default: "tensor")

  static let declaration = MethodDeclaration(
    name: "seeded", summary: "Keeps the signs of random elements, whose positions a seed gives back, and one scale",
    formula: """
      b ~ Bernoulli(density), per element, from (seed, tensor name, element)
      δ̂ = b · s · sgn δ with sgn 0 = +1;   s = α · mean |δ| / density
      """,
    inputs: .list(1...1), signature: .uniform,
    parameters: [density, CodecScale.alpha, scaleScope, TaskVectors.seed],
    source:
      "The random masks of Yu et al., 2023 (DARE), arXiv:2311.03099, with the one bit of BitDelta, arXiv:2402.10193",
    differs: [
      "Neither paper does this. It did well on one small fine-tune, of which almost any direction keeps most of the gain: "
        + "measure it on your own task before you rely on it."
    ],
    reads: "2 (a sum)",
    example: #"{"from": "change", "to": "x.tv.safetensors", "codec": "seeded", "density": 0.05, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    let extent = CodecScale.Extent(rawValue: merge.choice(scaleScope)) ?? .tensor
    let scale = CodecScale.meanMagnitude(delta, over: extent, of: merge) * merge[CodecScale.alpha]
    return SeededDelta.dropped(direction(delta) * (scale / merge[density]), density: merge[density], merge)
  }
}

/// DARE: a random part of a task vector with its values.
enum DareDelta: Codec {
  private static let density = SeededDelta.density(default: 0.1)

  static let declaration = MethodDeclaration(
    name: "dare", summary: "Keeps the values of random elements, scaled up for what was dropped",
    formula: """
      b ~ Bernoulli(density), per element, from (seed, tensor name, element)
      δ̂ = bf16(b · δ / density)
      """,
    inputs: .list(1...1), signature: .uniform,
    parameters: [density, TaskVectors.seed],
    source: "Yu et al., 2023, “Language models are super Mario” (DARE), arXiv:2311.03099",
    differs: ["The mask is stored as its seed, so that only values take room."],
    example: #"{"from": "change", "to": "x.tv.safetensors", "codec": "dare", "density": 0.1, "seed": 7}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let delta = merge.models.first?.value else { throw .missingInput }
    return rounded(SeededDelta.dropped(delta / merge[density], density: merge[density], merge), to: .bf16)
  }
}

/// What the two seeded codecs share.
enum SeededDelta {
  static func density(default standard: Double) -> Parameter {
    .number(
      "density", in: Parameter.Bounds(0, 1, lowerIsOpen: true), default: standard,
      "probability with which an element is kept")
  }

  static func dropped(_ value: Value, density: Double, _ merge: Merge) -> Value {
    merge.drop(value, of: 0, density: density, seed: Int(merge[TaskVectors.seed]))
  }
}
