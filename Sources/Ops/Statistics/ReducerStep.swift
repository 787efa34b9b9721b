/// What is done with a tile of a sweep at once: one reducer, or the three products of two outputs.
enum ReducerStep: Hashable, Sendable {
  case reduce(Int)
  /// The reducers of `a·a`, `a·b` and `b·b`, by their places.
  case products(aa: Int, ab: Int, bb: Int, a: Int, b: Int)

  /// Pairs up a sweep's products, so that each tile of a pair is widened once.
  static func steps(of sweep: Sweep) -> [ReducerStep] {
    var steps: [ReducerStep] = []
    var left = Array(sweep.reducers.indices)
    if case .panel = sweep.unit { return left.map { .reduce($0) } }
    func place(_ a: Int, _ b: Int) -> Int? {
      left.first { sweep.reducers[$0].reducer == .dot(a, b) || sweep.reducers[$0].reducer == .dot(b, a) }
    }
    for item in sweep.reducers {
      guard case .dot(let a, let b) = item.reducer, a != b, let ab = place(a, b), let aa = place(a, a),
        let bb = place(b, b)
      else { continue }
      steps.append(.products(aa: aa, ab: ab, bb: bb, a: a, b: b))
      left.removeAll { [aa, ab, bb].contains($0) }
    }
    return steps + left.map { .reduce($0) }
  }
}
