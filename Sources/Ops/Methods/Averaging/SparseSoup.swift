internal import WeirTensors

/// An average of models that were pruned alike, with what is pruned kept at zero.
enum SparseSoup: Method {
  private enum Policy: String, CaseIterable {
    case requireEqual = "require_equal", intersection, union, fromFile = "from_file"
  }

  private static let policy = Parameter.choice(
    "mask_policy", of: Policy.allCases.map(\.rawValue), default: "require_equal",
    "which elements survive: those of every model, which must agree; of all; of any; or those of the mask")
  private static let mask = Parameter.tensors(
    "mask", optional: true,
    "what holds 0 for each pruned element of each tensor; a model's own zeros where there is none")
  /// What PyTorch calls a pruned tensor, and the mask beside it.
  private static let (pruned, besides) = ("_orig", "_mask")

  static let declaration = MethodDeclaration(
    name: "sparse_soup",
    summary: "Averages models that were pruned with one mask, so that the average is as sparse as they are",
    formula: """
      mₖ = [θₖ ≠ 0], or the mask; m = what mask_policy makes of them
      out = m · Σ wₖ·mₖ·θₖ / Σ wₖ
      """,
    inputs: .models(base: .none, count: 1...1024), signature: .uniform, parameters: [.weight, policy, mask],
    source: "Zimmer et al., 2023, “Sparse model soups”, arXiv:2306.16788",
    differs: ["Masks are compared before anything is written; the released code takes the last model's unseen."],
    reads: "1 (2 for require_equal: masks are compared)",
    example: #"{"op": "sparse_soup", "models": ["a", "b", "c"]}"#)

  static func companion(of tensor: String) -> String? {
    tensor.hasSuffix(pruned) ? tensor.dropLast(pruned.count) + besides : nil
  }

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    let weights = merge.models.map { $0[.weight] }
    let sum = try Weights.total(weights)
    let policy = Policy(rawValue: merge.choice(policy)) ?? .requireEqual
    if policy == .fromFile, merge.tensor(mask) == nil {
      throw MethodError("mask_policy \"from_file\" without a mask, expected \"mask\" to name a source")
    }
    let given = merge.tensor(mask).map { isEqual($0, 0) }
    let own = merge.models.map { isEqual(merge.companion(of: $0) ?? $0.value, 0) }
    guard let first = own.first else { throw .missingInput }
    // From here on a mask has a 1 where an element is pruned.
    var isPruned = given ?? first
    switch policy {
    case .requireEqual: isPruned = try agreed(merge, isPruned, own, isGiven: given != nil)
    case .intersection: isPruned = own.reduce(given ?? first, maximum)
    case .union: isPruned = own.dropFirst().reduce(first, minimum)
    case .fromFile: break
    }
    // A mask of PyTorch's is averaged to itself.
    if merge.tensor.name.hasSuffix(besides) { return select(isPruned, 0, isPruned.graph.constant(1)) }
    let terms = zip(merge.models, own).map { select($1, 0, $0.value) }
    return select(isPruned, 0, try Weights.sum(terms, weights.map { $0 / sum }))
  }

  /// The mask, once all are known to be the same.
  private static func agreed(
    _ merge: Merge, _ mask: Value, _ own: [Value], isGiven: Bool
  ) throws(MethodError) -> Value {
    // Inside a given mask an element may be zero by chance.
    let differences = own.map { total(isGiven ? isGreater(mask, $0) : 1 - isEqual($0, mask)) }
    let verdict = try merge.solve("sparse soup of \(own.count)", differences, count: 1) {
      differences, _ throws(MethodError) in
      guard let place = differences.firstIndex(where: { $0 != 0 }) else { return [1] }
      throw MethodError(
        "model \(place + 1) is not pruned as the first or the mask says in \(Int(differences[place])) elements, expected one "
          + "mask; choose a \"mask_policy\", or \"exclude\" what is not pruned")
    }
    return maximum(mask, 1 - verdict[0])
  }
}
