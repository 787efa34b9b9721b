/// Layer ranges of models laid on one another (“frankenmerge”, depth up-scaling).
///
/// The planner renames tensors; no element is computed, so nothing but copies is made.
enum Stack: Method {
  static let declaration = MethodDeclaration(
    name: "stack",
    summary: "Lays ranges of layers of one or several models on one another and numbers them anew",
    formula: """
      output layer i = the i-th of the parts' layers, in order; ranges are half-open
      tensors before the layers come from the first part's model, those after them from the last part's
      """,
    inputs: .parts, signature: .uniform,
    source: "mergekit's passthrough slices; Kim et al., 2023, “SOLAR 10.7B”, arXiv:2312.15166",
    example: #"{"op": "stack", "parts": [{"from": "a", "layers": [0, 24]}, {"from": "a", "layers": [8, 32]}]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let model = merge.models.first else { throw .missingInput }
    return model.value
  }
}
