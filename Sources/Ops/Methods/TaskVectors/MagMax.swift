/// Per parameter, the change of largest magnitude of any model.
enum MagMax: Method {
  private static let lambda = Parameter.number("lambda", default: 0.5, "scale of the merged delta")

  static let declaration = MethodDeclaration(
    name: "magmax",
    summary: "Takes, element by element, the delta of largest magnitude; of equal ones that of the later model",
    formula: """
      m = the last k for which |δₖ| is largest
      out = θ₀ + λ·δₘ
      """,
    inputs: .models(base: .optional, count: 1...1024), signature: .taskVectors,
    parameters: [lambda, TaskVectors.deltaRounding],
    source: "Marczak et al., 2024, “MagMax”, arXiv:2407.06322",
    differs: ["No sign is elected, unlike in the largest-magnitude aggregate of ties."],
    example: #"{"op": "magmax", "base": "base", "models": ["task1", "task2", "task3"]}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard let first = merge.models.first?.delta else { throw .missingInput }
    let largest = merge.models.dropFirst().reduce(first) { largest, model in
      select(isAtLeast(magnitude(model.delta), magnitude(largest)), model.delta, largest)
    }
    return merge.applied(largest * merge[lambda])
  }
}
