#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Ranks and thresholds: M20, M21, M32, M33, M34, M35.
extension ReferenceMerge {
  static let ranked: [String: Body] = [
    "pcb": { $0.pcb() },
    "widen": { $0.widen() },
    "hi_merging": { m in
      let deltas = m.differences.enumerated().map { k, delta in
        m.trim(delta, m.number("density", k, 1), exactly: true, extra: 0).map { m.number("scale", k, 1) * $0 }
      }
      return m.combine(deltas, election: "sum", normalize: m.flag("normalize", true))
    },
    "evo_merging": { $0.evoMerging() },
    "ties_sv": { $0.tiesSlack() },
  ]

  // MARK: - M20

  private func clampq(_ x: [Double], _ low: Double, _ high: Double) -> [Double] {
    let sorted = x.sorted()
    let d = Double(x.count)
    func at(_ place: Int) -> Double { sorted[max(0, min(sorted.count - 1, place))] }
    return x.map { max(at(Int(d * low)), min(at(Int(d * (1 - high) - 1)), $0)) }
  }

  private func norm01(_ x: [Double]) -> [Double] {
    guard let least = x.min(), let most = x.max(), most > least else { return x.map { _ in 0 } }
    return x.map { ($0 - least) / (most - least) }
  }

  /// In model scope of all tensors at once.
  func pcb() -> [Double] {
    if indices.isEmpty { return [] }
    let variant = choices["variant"] ?? "a"
    let tail = variant == "a" ? 1e-4 : 0.01
    let deltas = differences
    let a = deltas.map { clampq($0.map(abs), tail, tail) }
    let nu = zip(deltas, a).map { zip2($0.map(sgn), norm01($1)) { $0 * $1 } }
    let n = Double(models.count)
    var scales: [[Double]] = []
    for k in models.indices {
      let intra = norm01(a[k]).map { exp(n * $0 * $0) }
      let inter = indices.map { i in
        switch variant {
        case "b": tanh(deltas[k][i] * nu.reduce(0) { $0 + $1[i] })
        case "c": nu.reduce(0) { $0 + tanh(nu[k][i] * $1[i]) }
        default: tanh(deltas[k][i] * deltas.reduce(0) { $0 + $1[i] })
        }
      }
      scales.append(norm01(clampq(zip2(intra, inter) { $0 * $1 }, 1 - self["ratio", 0.1], 0)))
    }
    return applied(
      indices.map { i in
        let sum = models.indices.reduce(0) { $0 + weights[$1] * sgn(deltas[$1][i]) * a[$1][i] * scales[$1][i] }
        return self["lambda", 1] * sum / max(scales.reduce(0) { $0 + $1[i] }, 1e-12)
      })
  }

  // MARK: - M21

  private func widen() -> [Double] {
    let deltas = differences
    let base = base ?? []
    let (t, s) = (self["above_average_value_ratio", 1], self["score_calibration_value", 1])
    func scores(_ significance: [[Double]], mean known: Double? = nil) -> [[Double]] {
      significance.map { own in
        let mean = known ?? own.reduce(0, +) / Double(max(1, own.count))
        return own.indices.map { j in
          if own[j] > t * mean { return s }
          return exp(own[j]) / significance.reduce(0) { $0 + exp($1[j]) }
        }
      }
    }
    guard shape.count > 1, !indices.isEmpty else {
      let score = scores(deltas.map { $0.map(abs) })
      return indices.map { i in models.indices.reduce(base[i]) { $0 + score[$1][i] * deltas[$1][i] } }
    }
    let isEmbedding = name.contains("embed_tokens")
    let last = shape[shape.count - 1]
    let count = isEmbedding ? indices.count / last : indices.count / shape[0]
    func column(_ i: Int) -> Int { isEmbedding ? i / last : i % count }
    func columns(_ values: [Double]) -> [[Double]] {
      var result = [[Double]](repeating: [], count: count)
      for i in indices { result[column(i)].append(values[i]) }
      return result
    }
    func ranks(_ values: [Double]) -> [Double] {
      var ranks = values
      for (rank, j) in values.indices.sorted(by: { (values[$0], $0) < (values[$1], $1) }).enumerated() {
        ranks[j] = Double(rank) / Double(count)
      }
      return ranks
    }
    let own = columns(base)
    var (sizes, turns): ([[Double]], [[Double]]) = ([], [])
    for model in models.map(columns) {
      sizes.append(ranks((0..<count).map { abs(norm(model[$0]) - norm(own[$0])) }))
      turns.append(
        ranks(
          (0..<count).map { j in
            let lengths = norm(model[j]) * norm(own[j])
            return lengths > 0 ? 1 - inner(own[j], model[j]) / lengths : 0
          }))
    }
    let mean = Double(count - 1) / (2 * Double(count))
    let (bySize, byTurn) = (scores(sizes, mean: mean), scores(turns, mean: mean))
    return indices.map { i in
      models.indices.reduce(base[i]) { sum, k in
        sum + (bySize[k][column(i)] + byTurn[k][column(i)]) / 2 * deltas[k][i]
      }
    }
  }

  // MARK: - M33, M34, M35

  private func evoMerging() -> [Double] {
    let isPruned = choices["form"] != "lora" || name.contains("lora_A")
    let terms = differences.enumerated().map { k, delta -> [Double] in
      let (alpha, beta) = (number("density", k, 1), number("scale", k, 1))
      var kept = delta
      if isPruned, alpha < 1, !shape.isEmpty {
        let c = max(1, Int((alpha * Double(delta.count)).rounded(.toNearestOrEven)))
        let keeps = ReferenceStatistics.keeps(delta, count: alpha == 0 ? 0 : c, exactly: false)
        kept = zip(delta, keeps).map { $1 ? $0 : 0 }
      }
      return kept.map { beta * $0 }
    }
    return applied(indices.map { i in terms.reduce(0) { $0 + $1[i] } })
  }

  /// M34 over whole layers.
  func lwPtv() -> [Double]? {
    guard flag("experimental", false) else { return nil }
    let deltas = differences
    let count = (tensors.compactMap(\.layer).max() ?? -1) + 1
    let layers = tensors.flatMap { tensor in (0..<tensor.count).map { _ in tensor.layer } }
    let merged = models.indices.map { k -> [Double] in
      let scores = (0..<count).map { layer -> Double in
        let members = indices.filter { layers[$0] == layer }
        let delta = members.map { deltas[k][$0] }
        switch choices["score"] {
        case "relative":
          let length = norm(members.map { base?[$0] ?? 0 })
          return length == 0 ? .infinity : norm(delta) / length
        case "deviation":
          let distances = members.map { i in
            abs(deltas[k][i] - deltas.reduce(0) { $0 + $1[i] } / Double(models.count))
          }
          return distances.reduce(0, +) / Double(max(1, members.count))
        default: return delta.reduce(0) { $0 + abs($1) } / Double(max(1, members.count))
        }
      }
      let order = (0..<count).sorted { (scores[$0], $0) < (scores[$1], $1) }
      let dropped = Set(order.prefix(Int(self["eta", 0] * Double(count))).filter { scores[$0] < .infinity })
      return indices.map { i in layers[i].map(dropped.contains) == true ? 0 : weights[k] * deltas[k][i] }
    }
    return applied(indices.map { i in self["lambda", 1] * merged.reduce(0) { $0 + $1[i] } })
  }

  private func tiesSlack() -> [Double]? {
    guard flag("experimental", false) else { return nil }
    let deltas = differences
    let trimmed = deltas.enumerated().map { k, delta in
      trim(delta, number("density", k, 1), exactly: true, extra: 0)
    }
    let p = Int(self["protected", 0])
    let important = ReferenceStatistics.keeps(
      deltas[p], count: Int(self["protect_fraction", 0] * Double(indices.count)), exactly: false)
    return applied(
      indices.map { i in
        let votes = models.indices.map { weights[$0] * trimmed[$0][i] }
        let elected: Double = votes.reduce(0, +) >= 0 ? 1 : -1
        var (sum, divisor) = (0.0, 0.0)
        for k in models.indices {
          var share: Double = sgn(votes[k]) == elected ? 1 : 0
          if k == p, important[i], votes[k] != 0 { share = max(share, self["slack", 0]) }
          sum += share * votes[k]
          divisor += share * weights[k]
        }
        return self["lambda", 1] * (flag("normalize", true) ? sum / (divisor == 0 ? 1 : divisor) : sum)
      })
  }
}
