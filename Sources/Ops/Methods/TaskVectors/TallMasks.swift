/// What TALL-masks and Consensus share: a multi-task vector, and each task's mask of what it uses of it.
enum TallMasks {
  private static let strictness = Parameter.number(
    "tall_lambda", in: .nonNegative, perModel: true,
    "how much larger a task's delta must be than what the others add; 0.2 to 0.6 is worth searching")
  private static let mergedWith = Parameter.choice(
    "merged_with", of: ["task_arithmetic", "ties"], default: "task_arithmetic",
    "how the multi-task vector is made: a plain sum, or the paper's TIES with sums, of which a fifth is kept")
  static let parameters = [strictness, mergedWith, TaskVectors.deltaRounding]
  static let formula = """
    τ = Σ δₖ,  or TIES of the δₖ
    mₖ = [|δₖ| > tall_lambdaₖ·|τ − δₖ|]
    """
  static let source =
    "Wang et al., 2024, “Localizing task information for improved model merging and compression”, arXiv:2405.07813"
  static let reads = "1 (with ties, after sweeps of the model)"

  /// The multi-task vector, and 1 where a task uses it, by model.
  static func masks(_ merge: Merge) throws(MethodError) -> (vector: Value, masks: [Value]) {
    let vector =
      merge.choice(mergedWith) == "ties"
      ? try Ties.paperSum(merge, density: 0.2) : try Weights.sum(merge.models.map(\.delta))
    let masks = merge.models.map { model in
      isGreater(magnitude(model.delta), magnitude(vector - model.delta) * model[strictness])
    }
    return (vector, masks)
  }
}

/// One task restored from the multi-task vector by its mask.
enum TallMask: Method {
  private static let task = Parameter.integer("task", in: 0...1023, "which of the models is restored, from 0")

  static let declaration = MethodDeclaration(
    name: "tall_mask",
    summary: "Restores one task from the sum of several task vectors by a mask of the elements that it uses",
    formula: TallMasks.formula + "\nout = θ₀ + τ where m_task, θ₀ elsewhere",
    inputs: .models(base: .optional, count: 2...1024), signature: .taskVectors,
    parameters: [task] + TallMasks.parameters, source: TallMasks.source, reads: TallMasks.reads,
    example: #"{"op": "tall_mask", "base": "base", "models": ["math", "code"], "task": 1, "tall_lambda": 0.4}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let (vector, masks) = try TallMasks.masks(merge)
    guard let place = merge.models.firstIndex(where: { $0.index == Int(merge[task]) }) else {
      throw MethodError("'task' is \(Int(merge[task])), expected the place of a model that has this tensor, from 0")
    }
    return merge.applied(select(masks[place], vector, 0))
  }
}

/// Several tasks merged from what enough of them use.
enum Consensus: Method {
  private static let count = Parameter.integer(
    "k", in: 0...1024, default: 2, "tasks that must use an element; 0 keeps all")
  private static let alpha = Parameter.number("alpha", "scale of the multi-task vector; 0.1 to 1 is worth searching")

  static let declaration = MethodDeclaration(
    name: "consensus",
    summary: "Adds several task vectors where enough of the tasks use their sum",
    formula: TallMasks.formula + "\nout = θ₀ + alpha·τ where Σ mₖ ≥ k, θ₀ elsewhere",
    inputs: .models(base: .optional, count: 2...1024), signature: .taskVectors,
    parameters: [count, alpha] + TallMasks.parameters, source: TallMasks.source, reads: TallMasks.reads,
    example: #"{"op": "consensus", "base": "base", "models": ["math", "code"], "tall_lambda": 0.4, "alpha": 0.4}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let (vector, masks) = try TallMasks.masks(merge)
    let isUsed = isAtLeast(try Weights.sum(masks), merge[count])
    return merge.applied(select(isUsed, vector, 0) * merge[alpha])
  }
}
