/// Task vectors combined with a learnt coefficient for each model and tensor.
enum Atlas: Method {
  private static let coefficients = Parameter.coefficients(
    "coefficients", "what was learnt: a number for each model, for each of its tensors, or for each group in a tensor")
  private static let groups = Parameter.tensors(
    "groups", optional: true, "the group of each element, a whole number from 0, where tensors have several")
  private static let missing = Parameter.number(
    "missing", default: 0, "coefficient of a tensor for which a model has none, and of an element without a group")

  static let declaration = MethodDeclaration(
    name: "atlas",
    summary:
      "Adds task vectors scaled by learnt coefficients, one for each model and tensor, or for each group of elements",
    formula: """
      out = θ₀ + Σ c[k, tensor]·δₖ                            layer-wise AdaMerging's, too
      out = θ₀ + Σ c[k, tensor, group]·δₖ                     with groups, element by element
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [coefficients, groups, missing, TaskVectors.deltaRounding],
    source: "Zhang et al., 2024, “Knowledge composition using task vectors with learned anisotropic scaling” (aTLAS), "
      + "arXiv:2407.02880",
    differs: [
      "Coefficients go by the tensor's name; the released code has them by place in a list.",
      "Tensors of any shape may have groups; in the released code those that are no matrices become 0.",
    ],
    reads: "1",
    example: #"{"op": "atlas", "base": "base", "models": ["math", "code"], "coefficients": "learnt"}"#)

  /// A group is a comparison and a choice for each element.
  private static let mostGroups = 4096

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    merge.applied(
      try Weights.sum(
        merge.models.map { model throws(MethodError) in
          let numbers = merge.coefficients(coefficients, of: model) ?? [merge[missing]]
          guard numbers.count > 1 else { return model.delta * (numbers.first ?? merge[missing]) }
          guard let group = merge.tensor(groups), numbers.count <= mostGroups else {
            throw MethodError(
              "model \(model.index + 1) has \(numbers.count) coefficients, expected 1, or at most \(mostGroups) and 'groups'"
            )
          }
          let chosen = numbers.enumerated().reversed().reduce(group.graph.constant(merge[missing])) { other, item in
            select(isEqual(group, Double(item.offset)), group.graph.constant(item.element), other)
          }
          return model.delta * chosen
        }))
  }
}
