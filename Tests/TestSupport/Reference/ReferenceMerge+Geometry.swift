#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Angles and lengths: M05, M06, M23, M30, M31.
extension ReferenceMerge {
  static let geometry: [String: Body] = [
    "multislerp": { $0.multiSlerp() },
    "karcher": { $0.karcher() },
    "model_stock": { $0.modelStock() },
    "rws": { $0.rws() },
  ]

  func inner(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  private func combined(_ values: [[Double]], _ weights: [Double]) -> [Double] {
    indices.map { i in zip(values, weights).reduce(0) { $0 + $1.1 * $1.0[i] } }
  }

  private func multiSlerp() -> [Double]? {
    var w = weights
    if flag("normalize_weights", true) {
      let total = w.reduce(0, +)
      if total == 0 { return nil }
      w = w.map { $0 / total }
    }
    if models.count == 1 { return models[0] }
    let x = differences
    let eps = self["eps", 1e-8]
    if x.allSatisfy({ norm($0) == 0 }) { return applied(x[0]) }
    let u = x.map { v in v.map { $0 / (norm(v) + eps) } }
    let m = combined(u, w)
    // Inner products cannot tell a shorter direction from none.
    if norm(m) < max(eps, 1e-7 * w.reduce(0) { $0 + abs($1) }) {
      return models.count == 2 ? applied(combined(x, w)) : nil
    }
    // The published procedure: a step in the tangent space at m, and the exponential map.
    let mean = m.map { $0 / norm(m) }
    let tangent = combined(u.map { u in zip2(u, mean) { $0 - inner(u, mean) * $1 } }, w)
    let r = norm(tangent)
    let end = r < eps ? mean : zip2(mean, tangent) { cos(r) * $0 + sin(r) * $1 / r }
    let length = zip(w, x).reduce(0) { $0 + $1.0 * norm($1.1) }
    return applied(end.map { length * $0 })
  }

  private func karcher() -> [Double]? {
    if models.count == 1 { return models[0] }
    let total = weights.reduce(0, +)
    let a = weights.map { $0 / total }
    let tol = self["tol", 1e-5]
    let kept = models.indices.filter { norm(models[$0]) > tol }
    if kept.isEmpty { return models[0].map { _ in 0 } }
    let units = kept.map { k in models[k].map { $0 / norm(models[k]) } }
    let share = kept.reduce(0) { $0 + a[$1] }
    let weights = kept.map { a[$0] / share }
    var u = combined(units, weights)
    u = norm(u) < tol ? units[0] : u.map { $0 / norm(u) }
    for _ in 0..<Int(self["max_iter", 10]) {
      var tangent = u.map { _ in 0.0 }
      for (unit, weight) in zip(units, weights) {
        let d = min(1, max(-1, inner(u, unit)))
        let angle = acos(d)
        if angle > Double.pi - 1e-6 { return nil }
        if angle < tol { continue }
        for i in u.indices { tangent[i] += weight * angle / sin(angle) * (unit[i] - d * u[i]) }
      }
      let r = norm(tangent)
      if r < tol { break }
      u = zip2(u, tangent) { cos(r) * $0 + sin(r) * $1 / r }
      u = u.map { $0 / norm(u) }
    }
    let length = models.indices.reduce(0) { $0 + a[$1] * norm(models[$1]) }
    return u.map { length * $0 }
  }

  private func modelStock() -> [Double]? {
    let n = models.count
    let isByRow = flag("filter_wise", false) && shape.count > 1
    let rowLength = max(1, isByRow ? shape[shape.count - 1] : models[0].count)
    var result: [Double] = []
    for start in stride(from: 0, to: models[0].count, by: rowLength) {
      let row = start..<start + rowLength
      let offsets = differences.map { Array($0[row]) }
      var cosines: [Double] = []
      for i in 0..<n {
        for j in i + 1..<n {
          let least = choices["floor"] == "mergekit" ? 1e-6 : 0
          let lengths = max(norm(offsets[i]) * norm(offsets[j]), least)
          cosines.append(lengths == 0 ? 0 : min(1, max(-1, inner(offsets[i], offsets[j]) / lengths)))
        }
      }
      let mean: (([Double]) -> Double) = { $0.reduce(0, +) / Double($0.count) }
      let c = choices["angle_mean"] == "angle" ? cos(mean(cosines.map { acos($0) })) : mean(cosines)
      let divisor = 1 + Double(n - 1) * c
      if divisor == 0, choices["t_clamp"] != "unit" { return nil }
      var t = divisor == 0 ? 0 : Double(n) * c / divisor
      if choices["t_clamp"] == "unit" { t = min(1, max(0, t)) }
      for i in row {
        let average = (base?[i] ?? 0) + mean(differences.map { $0[i] })
        result.append(t * average + (1 - t) * (base?[i] ?? 0))
      }
    }
    return result
  }

  private func rws() -> [Double]? {
    let robust = models.dropFirst(2)
    let n = Double(robust.count)
    if name.contains("bn") || name.contains("downsample") {
      if choices["bn_policy"] == "keep" { return base }
      return indices.map { i in robust.reduce(0) { $0 + $1[i] } / n }
    }
    let s = zip2(models[1], models[0]) { $0 - $1 }
    var result = base ?? []
    let factor = self["alpha", 1] / n
    for model in robust {
      let v = zip2(model, models[0]) { $0 - $1 }
      let along = inner(s, s) == 0 ? 0 : inner(s, v) / inner(s, s)
      let signature = zip2(v, s) { $0 - along * $1 }
      result = zip2(result, signature) { $0 + (flag("compat_square", false) ? factor * factor : factor) * $1 }
    }
    return result
  }

  /// M30 over groups of tensors.
  func varm() -> [Double]? {
    let n = models.count
    let statistic: (Double) -> Double = { x in
      switch choices["statistic"] {
      case "abs": abs(x)
      case "signed": x
      default: x * x
      }
    }
    let granularity = choices["granularity"] ?? "param"
    if granularity == "item" {
      return indices.map { i in
        let s = differences.map { abs(statistic($0[i])) }
        return zip(models, s).reduce(0) { $0 + $1.0[i] * $1.1 / max(s.reduce(0, +), 1e-13) }
      }
    }
    let deltas = differences.map(slices)
    let values = models.map(slices)
    var groups: [String: [Int]] = [:]
    for (number, tensor) in tensors.enumerated() where tensor.count > 0 {
      groups[tensor.group(granularity, number), default: []].append(number)
    }
    return tensors.enumerated().flatMap { number, tensor -> [Double] in
      guard tensor.count > 0 else { return [] }
      let members = groups[tensor.group(granularity, number)] ?? []
      let energies = (0..<n).map { k in
        abs(members.reduce(0) { $0 + deltas[k][$1].map(statistic).reduce(0, +) / Double(deltas[k][$1].count) })
      }
      var w = energies.map { $0 / energies.reduce(0, +) }
      if flag("use_softmax", false) {
        let powers = energies.map { exp($0 / self["temp", 1]) }
        w = powers.map { $0 / powers.reduce(0, +) }
      }
      if energies.contains(0) { w = w.map { _ in 1 / Double(n) } }
      return values[0][number].indices.map { i in (0..<n).reduce(0) { $0 + w[$1] * values[$1][number][i] } }
    }
  }
}

extension ReferencePart {
  /// What a tensor shares its weights with.
  fileprivate func group(_ granularity: String, _ number: Int) -> String {
    let words = name.split(separator: ".")
    switch granularity {
    case "model": return "model"
    case "layer":
      if let place = words.firstIndex(where: { Int($0) != nil }) { return words[...place].joined(separator: ".") }
      return "module " + words.dropLast(words.count > 1 ? 1 : 0).joined(separator: ".")
    case "module": return words.dropLast(words.count > 1 ? 1 : 0).joined(separator: ".")
    default: return "\(number)"
    }
  }
}
