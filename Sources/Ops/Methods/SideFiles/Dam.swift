internal import WeirTensors

/// Differentiable adaptive merging: checkpoints summed with learnt coefficients, one for each column.
enum Dam: Method {
  private static let coefficients = Parameter.coefficients(
    "coefficients", "what was learnt: for each model and tensor a number, or one for each column")
  private static let activation = Parameter.choice(
    "activation", of: ["identity", "tanh", "sigmoid", "relu"], default: "identity",
    "the function g that the coefficients were trained under")

  static let declaration = MethodDeclaration(
    name: "dam",
    summary: "Sums checkpoints with learnt coefficients, one for each column of a tensor",
    formula: """
      out[:, j] = Σ g(cₖ[j])·θₖ[:, j]                         columns of a matrix: input features; of an embedding: hidden
      out[j] = Σ g(cₖ[j])·θₖ[j]                               vectors; one number for all elements where the file has one
      """,
    inputs: .models(base: .none, count: 1...1024), signature: .uniform,
    parameters: [coefficients, activation],
    source: "Gauthier-Caron et al., 2024, “Merging in a bottle: differentiable adaptive merging”, arXiv:2410.08371",
    differs: [
      "A tensor without coefficients is averaged, which is where training starts.",
      "The activation is given in the pipeline, not in the file.",
    ],
    example: #"{"op": "dam", "models": ["math", "code"], "coefficients": "learnt", "activation": "tanh"}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let extents = merge.tensor.shape.extents
    let columns = extents.count < 2 ? merge.tensor.elementCount : extents.dropFirst().reduce(1, *)
    return try Weights.sum(
      merge.models.map { model throws(MethodError) in
        let graph = model.value.graph
        guard let numbers = merge.coefficients(coefficients, of: model) else {
          return model.value / Double(merge.models.count)
        }
        guard numbers.count == 1 || numbers.count == columns else {
          throw MethodError(
            "model \(model.index + 1) has \(numbers.count) coefficients, expected 1, or \(columns) for as many columns")
        }
        return model.value * activated(merge, numbers.count == 1 ? graph.constant(numbers[0]) : graph.columns(numbers))
      })
  }

  private static func activated(_ merge: Merge, _ x: Value) -> Value {
    switch merge.choice(activation) {
    case "tanh": hyperbolicTangent(x)
    case "sigmoid": x.graph.constant(1) / (exponential(-x) + 1)
    case "relu": maximum(x, 0)
    default: x
    }
  }
}
