/// The elements of largest magnitude.
enum Trim: Method {
  private static let density = Parameter.number("density", in: .fraction, "fraction of the elements that is kept")
  private static let rule = Parameter.choice(
    "rule", of: SelectionRule.allCases.map(\.rawValue), default: SelectionRule.exactK.rawValue,
    "exactly that many, ties to the lowest index; or all at or above the threshold")
  private static let scope = Parameter.choice(
    "scope", of: ["tensor", "model"], default: "tensor", "what density is a fraction of")

  static let declaration = MethodDeclaration(
    name: "trim", summary: "Keeps the elements of largest magnitude and zeroes the others",
    formula: "out = a where |a| is among the Int(density·n) largest, else 0",
    inputs: .list(1...1), signature: .uniform, parameters: [density, rule, scope],
    reads: "2 or 3 (a magnitude threshold, one more where a guess misses)", isPrimitive: true,
    example: #"{"op": "trim", "inputs": ["change"], "density": 0.05}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    let isModelScope = merge.choice(scope) == "model"
    if isModelScope { try merge.requireOneValue(of: density) }
    return merge.trim(
      model.value, of: model.index, density: merge[density],
      rule: SelectionRule(rawValue: merge.choice(rule)) ?? .exactK, scope: isModelScope ? .model : .tensor)
  }
}

/// Random elements.
enum Drop: Method {
  private static let density = Parameter.number("density", in: .fraction, "probability with which an element is kept")
  private static let rescale = Parameter.flag("rescale", default: false, "divide the survivors by the density")

  static let declaration = MethodDeclaration(
    name: "drop", summary: "Keeps each element with a probability and zeroes the others",
    formula: "out = b·a, or b·a / density with rescale;  b ~ Bernoulli(density) from (seed, tensor name, element)",
    inputs: .list(1...1), signature: .uniform, parameters: [density, rescale, TaskVectors.seed], isPrimitive: true,
    example: #"{"op": "drop", "inputs": ["change"], "density": 0.5, "rescale": true, "seed": 1}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    let kept = merge.drop(model.value, of: model.index, density: merge[density], seed: Int(merge[TaskVectors.seed]))
    guard merge.flag(rescale), !merge.isScalar else { return kept }
    guard merge[density] > 0 else {
      throw MethodError("density 0 leaves nothing to rescale by 1/density, expected a density in (0, 1]")
    }
    return kept / merge[density]
  }
}

/// A sign per element, by vote.
enum Elect: Method {
  private static let election = Parameter.choice(
    "election", of: TaskVectors.Election.allCases.map(\.rawValue), default: "sum",
    "by the sum of the inputs or by their count")

  static let declaration = MethodDeclaration(
    name: "elect", summary: "Elects a sign per element: +1 or −1",
    formula: "out = +1 if Σ aₖ ≥ 0 (or Σ sgn aₖ ≥ 0), else −1",
    inputs: .list(1...1024), signature: .uniform, parameters: [election], isPrimitive: true,
    example: #"{"op": "elect", "inputs": ["a_change", "b_change"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    try TaskVectors.elect(
      merge.models.map(\.value), by: TaskVectors.Election(rawValue: merge.choice(election)) ?? .sum)
  }
}

/// The elements that have an elected sign.
enum Agree: Method {
  static let declaration = MethodDeclaration(
    name: "agree",
    summary: "Keeps the elements of the first input whose sign is that of the second, and zeroes the others",
    formula: "out = a where sgn a = sgn e, else 0",
    inputs: .list(2...2), signature: .uniform, isPrimitive: true,
    example: #"{"op": "agree", "inputs": ["a_change", "elected"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 2 else { throw .missingInput }
    let (value, elected) = (merge.models[0].value, merge.models[1].value)
    return select(isGreater(sign(value) * sign(elected), 0), value, 0)
  }
}

/// One of two inputs, element by element.
enum Select: Method {
  static let declaration = MethodDeclaration(
    name: "select", summary: "Takes the second input where the first is not zero, else the third",
    formula: "out = m ≠ 0 ? a : b", inputs: .list(3...3), signature: .selection, isPrimitive: true,
    example: #"{"op": "select", "inputs": ["mask", "a", "b"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard merge.models.count == 3 else { throw .missingInput }
    return select(merge.models[0].value, merge.models[1].value, merge.models[2].value)
  }
}
