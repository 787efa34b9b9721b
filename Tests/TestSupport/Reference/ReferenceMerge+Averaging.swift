#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Averages and layers: M08, M09, M10, M16, M24, M26, M27.
extension ReferenceMerge {
  static let averaging: [String: Body] = [
    "checkpoint_average": { $0.checkpointAverage() },
    "magmax": { $0.magMax() },
    "nearswap": { $0.nearSwap() },
    "chat_vector": { $0.chatVector() },
    "layer_swap": { $0.layerSwap() },
    "lines": { m in
      let factor = m["alpha", .nan] + (1 - m["alpha", .nan]) * m.depth(m.shape, m.name)
      return m.applied(m.differences[0].map { factor * $0 })
    },
  ]

  /// Layers of the stack that a tensor lies in, by the parts of the whole model.
  private func layerCount() -> Int { (allParts.compactMap(\.layer).max() ?? -1) + 1 }

  private func depth(_ shape: [Int], _ name: String) -> Double {
    guard let layer = ReferencePart(name, shape).layer, layerCount() > 1 else { return 0 }
    return Double(layer) / Double(layerCount() - 1)
  }

  private func checkpointAverage() -> [Double] {
    let n = models.count
    let alpha = self["alpha", 0.2]
    var weights = [Double](repeating: 1 / Double(n), count: n)
    switch choices["kind"] {
    case "wma": weights = (1...n).map { Double($0) / (Double(n * (n + 1)) / 2) }
    case "ema" where choices["ema_form"] == "closed":
      weights = (1...n).map { alpha * pow(1 - alpha, Double(n - $0)) }
      let total = weights.reduce(0, +)
      weights = weights.map { $0 / total }
    case "ema":
      // As it is defined: A₁ = θ₁, Aᵢ = αθᵢ + (1 − α)Aᵢ₋₁.
      return models.dropFirst().reduce(models[0]) { average, model in
        zip2(average, model) { (1 - alpha) * $0 + alpha * $1 }
      }
    default: break
    }
    return indices.map { i in zip(models, weights).reduce(0) { $0 + $1.1 * $1.0[i] } }
  }

  private func magMax() -> [Double] {
    applied(
      indices.map { i in
        var current = differences[0][i]
        for delta in differences.dropFirst() where abs(delta[i]) >= abs(current) { current = delta[i] }
        return self["lambda", 0.5] * current
      })
  }

  private func nearSwap() -> [Double] {
    zip2(base ?? [], models[0]) { base, model in
      let floor = choices["floor"] == "mergekit" ? 1e-6 : .leastNonzeroMagnitude
      let w = min(1, max(0, self["t", .nan] / max(abs(base - model), floor)))
      return w * model + (1 - w) * base
    }
  }

  private func chatVector() -> [Double] {
    let isEmbedding = ["embed_tokens", "word_embeddings", "lm_head"].contains { name.contains($0) }
    guard let base, !(flag("skip_embed", false) && isEmbedding) else { return base ?? [] }
    return indices.map { i in
      stride(from: 0, to: models.count, by: 2).reduce(base[i]) {
        $0 + number("ratio", $1, 1) * (models[$1][i] - models[$1 + 1][i])
      }
    }
  }

  private func layerSwap() -> [Double]? {
    let (a, b) = (models[0], models[1])
    let blend = self["blend", 0.5]
    guard let layer = ReferencePart(name, shape).layer else {
      switch choices["outside"] {
      case "a": return a
      case "b": return b
      default: return zip2(a, b) { ($0 + $1) / 2 }
      }
    }
    let count = layerCount()
    let (bottom, top) = (Int(self["bottom", 0]), Int(self["top", 0]))
    let (low, high) = (Int(self["transition_bottom", 0]), Int(self["transition_top", 0]))
    if bottom + low + top + high > count { return nil }
    if layer < bottom || layer >= count - top { return a }
    if layer < bottom + low || layer >= count - top - high { return zip2(a, b) { blend * $0 + (1 - blend) * $1 } }
    return b
  }

  /// M27 after a merge: the first model is what was merged, the others what it was merged from.
  func linesMulti() -> [Double]? {
    let deltas = differences
    let merged = deltas[0].reduce(0) { $0 + abs($1) }
    let sum = indices.reduce(0.0) { total, i in total + abs(deltas.dropFirst().reduce(0) { $0 + $1[i] }) }
    let alpha = merged > 0 ? sum / merged / Double(models.count - 1) : 0
    return eachPart { part in
      let factor = alpha + self["beta", .nan] * part.depth(part.shape, part.name)
      return part.applied(part.differences[0].map { factor * $0 })
    }
  }
}
