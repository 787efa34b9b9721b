/// Votes, masks and shares: M17, M18, M19, M22.
extension ReferenceMerge {
  static let masks: [String: Body] = [
    "sce": { $0.sce() },
    "ram": { m in m.applied(m.ram { _ in 1 }) },
    "ram_plus": { $0.ramPlus() },
    "tall_mask": { m in
      let (vector, masks) = m.tallMasks(m)
      return m.applied(m.indices.map { masks[Int(m["task", 0])][$0] ? vector[$0] : 0 })
    },
    "consensus": { m in
      let (vector, masks) = m.tallMasks(m)
      return m.applied(
        m.indices.map { i in masks.count { $0[i] } >= Int(m["k", 2]) ? m["alpha", .nan] * vector[i] : 0 })
    },
  ]

  private func sce() -> [Double] {
    let deltas = differences
    let n = Double(models.count)
    let topk = self["select_topk", 1]
    var mask = indices.map { _ in true }
    if topk < 1, !shape.isEmpty {
      // The variance times n², which tells equal ones apart from nearly equal ones.
      let spread = indices.map { i in
        n * deltas.reduce(0) { $0 + $1[i] * $1[i] } - deltas.reduce(0) { $0 + $1[i] } * deltas.reduce(0) { $0 + $1[i] }
      }
      let k = Int(Double(spread.count { $0 != 0 }) * topk)
      mask = ReferenceStatistics.keeps(spread, count: k, exactly: true)
    }
    let masked = deltas.map { delta in indices.map { mask[$0] ? delta[$0] : 0 } }
    let energies = masked.map { $0.reduce(0) { $0 + $1 * $1 } / Double(max(1, indices.count)) }
    let total = energies.reduce(0, +)
    let isEven = total == 0 || total < self["energy_floor", 0]
    let w = energies.map { isEven ? 1 / n : $0 / total }
    let isTool = choices["variant"] != "fuseai"
    let terms = isTool ? masked : deltas
    return applied(
      indices.map { i in
        let elected: Double = terms.reduce(0) { $0 + $1[i] } >= 0 ? 1 : -1
        var (sum, divisor) = (0.0, 0.0)
        for (term, weight) in zip(terms, w) where sgn(term[i]) == elected {
          sum += weight * term[i]
          divisor += weight
        }
        return sum / (isTool ? max(divisor, 1e-6) : divisor == 0 ? 1 : divisor)
      })
  }

  private var active: [[Bool]] { differences.map { $0.map { abs($0) > self["epsilon", 1e-5] } } }

  private func ram(_ scale: (Int) -> Double) -> [Double] {
    let (deltas, active) = (differences, active)
    return indices.map { i in
      let who = models.indices.filter { active[$0][i] }
      if who.count == 1 { return scale(who[0]) * deltas[who[0]][i] }
      return who.isEmpty ? 0 : who.reduce(0) { $0 + deltas[$1][i] } / Double(who.count)
    }
  }

  private func ramPlus() -> [Double] {
    let active = active
    let counts = indices.map { i in active.count { $0[i] } }
    let scales = models.indices.map { k in
      let shared = indices.count { active[k][$0] && counts[$0] > 1 }
      let unique = indices.count { active[k][$0] && counts[$0] == 1 }
      let ratio = Double(shared) / max(Double(unique), self["epsilon", 1e-5])
      return 1 + self["r", 0.1] * min(ratio, self["alpha", 0.2])
    }
    return applied(ram { scales[$0] })
  }

  /// The multi-task vector and the tasks' masks; `whole` is the model of which this is a part.
  func tallMasks(_ whole: ReferenceMerge) -> ([Double], [[Bool]]) {
    let deltas = differences
    var vector = indices.map { i in deltas.reduce(0) { $0 + $1[i] } }
    if choices["merged_with"] == "ties" {
      var merge = ReferenceMerge(models: deltas, shape: shape)
      merge.numbers = ["density": 0.2]
      merge.choices = ["variant": "paper", "aggregate": "sum"]
      vector = merge.ties() ?? []
    }
    let masks = deltas.enumerated().map { k, delta in
      indices.map { abs(delta[$0]) > number("tall_lambda", k, .nan) * abs(vector[$0] - delta[$0]) }
    }
    return (vector, masks)
  }

  /// M22 over all tensors.
  func emr() -> [Double] {
    let deltas = differences
    let elected = indices.map { i in deltas.reduce(0) { $0 + $1[i] } / Double(models.count) > 0 ? 1.0 : -1 }
    let masks = deltas.map { delta in indices.map { delta[$0] * elected[$0] > 0 } }
    let unified = indices.map { i in
      elected[i] * (models.indices.map { masks[$0][i] ? abs(deltas[$0][i]) : 0 }.max() ?? 0)
    }
    guard choices["output"] == "task" else { return applied(unified) }
    let task = Int(self["task", 0])
    let kept = indices.map { masks[task][$0] ? unified[$0] : 0 }
    func length(_ values: [Double]) -> Double {
      if choices["rescale_rule"] == "flat" { return values.reduce(0) { $0 + abs($1) } }
      return slices(values).filter { !$0.isEmpty }.reduce(0) { sum, part in
        sum + part.reduce(0) { $0 + abs($1) } / Double(part.count)
      }
    }
    let factor = length(kept) == 0 ? 0 : length(deltas[task]) / length(kept)
    return applied(kept.map { factor * $0 })
  }
}
