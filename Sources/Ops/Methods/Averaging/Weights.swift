/// What weighted sums share.
enum Weights {
  /// The sum of the weights, which something is to be divided by.
  static func total(_ weights: [Double]) throws(MethodError) -> Double {
    let total = weights.reduce(0, +)
    guard total != 0, total.isFinite else {
      throw MethodError(
        "the weights sum to \(total), expected a sum other than 0; set \"normalize\": false to leave it out")
    }
    return total
  }

  /// `Σ wₖ·xₖ`, in order.
  static func sum(_ values: [Value], _ weights: [Double]) throws(MethodError) -> Value {
    try sum(zip(values, weights).map { $0 * $1 })
  }

  /// `Σ xₖ`, in order; a tensor that no model has cannot be merged.
  static func sum(_ values: [Value]) throws(MethodError) -> Value {
    guard let first = values.first else { throw MethodError("no model has this tensor, expected at least one") }
    return values.dropFirst().reduce(first, +)
  }
}

extension Parameter {
  static let weight = Parameter.number("weight", default: 1, perModel: true, "weight of the model")
  static let lambda = Parameter.number("lambda", default: 1, "scale of the merged delta")
}
