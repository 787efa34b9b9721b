/// Elect, mask, rescale: one task vector for all tasks, from which a mask and a number restore each.
enum Emr: Method {
  private static let output = Parameter.choice(
    "output", of: ["unified", "task"], default: "unified", "the one task vector, or a task that is restored from it")
  private static let task = Parameter.integer(
    "task", in: 0...1023, default: 0, "which of the models is restored, from 0")
  private static let rule = Parameter.choice(
    "rescale_rule", of: ["tensor_means", "flat"], default: "tensor_means",
    "whether every tensor counts alike for a task's length, or every element")

  static let declaration = MethodDeclaration(
    name: "emr",
    summary: "Elects one task vector for all tasks, and restores a task from it by a mask and a factor",
    formula: """
      e = +1 where Σ δₖ > 0, else −1,  Mₖ = [δₖ·e > 0],  τ = e·max Mₖ·|δₖ|
      out = θ₀ + τ                                                         unified
      out = θ₀ + ρ·Mₖ·τ,  ρ = Σ mean|δₖ| / Σ mean|Mₖ·τ| over tensors       task; flat: sums over all elements
      """,
    inputs: .models(base: .optional, count: 2...1024), signature: .taskVectors,
    parameters: [output, task, rule, TaskVectors.deltaRounding],
    source: "Huang et al., 2024, “EMR-Merging”, arXiv:2405.17461",
    reads: "1 (a task: after a sweep of the model)",
    example: #"{"op": "emr", "base": "base", "models": ["math", "code"], "output": "task", "task": 1}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let sum = try Weights.sum(merge.models.map(\.delta))
    let elected = select(isGreater(sum, 0), sum.graph.constant(1), -1)
    let masks = merge.models.map { isGreater($0.delta * elected, 0) }
    let lengths = zip(masks, merge.models).map { select($0, magnitude($1.delta), 0) }
    let unified = lengths.dropFirst().reduce(lengths[0], maximum) * elected
    guard merge.choice(output) == "task" else { return merge.applied(unified) }
    guard let place = merge.models.firstIndex(where: { $0.index == Int(merge[task]) }) else {
      throw MethodError("'task' is \(Int(merge[task])), expected the place of a model that has this tensor, from 0")
    }
    let kept = select(masks[place], unified, 0)
    let share = merge.choice(rule) == "flat" ? 1 : 1 / Double(max(1, merge.elementCount(of: .tensor)))
    let before = merge.totalOverModel(magnitude(merge.models[place].delta), for: "task", scale: share)
    let after = merge.totalOverModel(magnitude(kept), for: "kept", scale: share)
    return merge.applied(kept * select(isGreater(after, 0), before / after, 0))
  }
}
