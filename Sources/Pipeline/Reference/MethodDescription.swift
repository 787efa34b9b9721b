internal import WeirOps

// A declaration in words, for pages on a terminal and in documents.

extension MethodDeclaration {
  /// `base (optional), models (at least 1)`
  var inputsText: String {
    switch inputs {
    case .models(let base, let count):
      let models = "models (\(Wording.count(count, "model")))"
      switch base {
      case .none: return models
      case .optional: return "base (optional), \(models)"
      case .required: return "base, \(models)"
      }
    case .list(let count): return "inputs (\(Wording.count(count, "input")))"
    case .parts: return "parts (at least 1 part)"
    }
  }

  /// What the result is, by the spaces of the inputs.
  var resultText: String {
    switch signature {
    case .uniform: "what the inputs are: all weights or all deltas"
    case .taskVectors:
      switch inputs {
      case .models(base: .required, _): "a weight; models are weights, from which the base is subtracted, or deltas"
      case .models(base: .none, _): "a delta; models are deltas"
      default: "with a base a weight, and models are weights or deltas; without one a delta, and models are deltas"
      }
    case .difference: "weight − weight and delta − delta are deltas, weight − delta is a weight"
    case .sum: "a weight if one input is a weight (at most one may be), else a delta"
    case .selection: "what the last two inputs are, which are both weights or both deltas"
    }
  }

  var numericsText: String {
    switch numerics {
    case .algebraic: "the same bits on every CPU"
    case .transcendental: "the same bits on one type of CPU and one C library"
    }
  }
}

extension Parameter {
  /// `a number in [0, 1]`, as messages call it.
  var rangeText: String {
    let form = Form<ParameterValue>.parameter(self)
    return isPerModel ? "\(form.expected), for each model" : form.expected
  }

  var standardText: String { standard?.description ?? "required" }
}
