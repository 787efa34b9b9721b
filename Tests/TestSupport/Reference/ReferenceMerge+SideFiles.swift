#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What stands in files beside the models: M28, M29.
extension ReferenceMerge {
  static let beside: [String: Body] = [
    "atlas": { $0.atlas() },
    "dam": { $0.dam() },
  ]

  /// M28 over all tensors.
  func fisher() -> [Double]? {
    guard let information = sides["fisher"] else { return nil }
    let n = models.count
    let floor = self["fisher_floor", 1e-6]
    let isTool = choices["variant"] == "mergelm"
    let lengths = information.map(norm)
    var c = weights
    if flag("normalize", true) {
      let g = lengths.map { $0 + (isTool ? floor : 0) }.map { $0 == 0 ? 1 : 1 / $0 }
      let total = isTool ? g.reduce(0, +) : 1
      c = zip(weights, g).map { $0 * $1 / total }
    }
    return indices.map { i in
      let d = (0..<n).map { k -> Double in
        let f = information[k][i]
        if isTool { return f + floor }
        return k == 0 || !flag("favor_target", true) ? max(f, floor) : f
      }
      let divisor = zip(c, d).reduce(0) { $0 + $1.0 * $1.1 }
      if divisor == 0 { return models[0][i] }
      return (0..<n).reduce(0) { $0 + c[$1] * d[$1] * models[$1][i] } / divisor
    }
  }

  /// M29 on one tensor.
  private func atlas() -> [Double]? {
    let missing = self["missing", 0]
    let numbers = models.indices.map { coefficients.isEmpty ? nil : coefficients[$0][name] }
    if numbers.contains(where: { ($0?.count ?? 1) > 1 }), sides["groups"] == nil { return nil }
    return applied(
      indices.map { i in
        differences.enumerated().reduce(0) { sum, item in
          let (k, delta) = item
          guard let own = numbers[k] else { return sum + missing * delta[i] }
          guard own.count > 1 else { return sum + own[0] * delta[i] }
          let group = Int(sides["groups"]?[0][i] ?? 0)
          return sum + (own.indices.contains(group) ? own[group] : missing) * delta[i]
        }
      })
  }

  /// M29's neighbour on one tensor.
  private func dam() -> [Double]? {
    let columns = shape.count < 2 ? models[0].count : shape.dropFirst().reduce(1, *)
    var factors: [[Double]] = []
    for k in models.indices {
      guard !coefficients.isEmpty, let own = coefficients[k][name] else {
        factors.append([1 / Double(models.count)])
        continue
      }
      guard own.count == 1 || own.count == columns else { return nil }
      factors.append(
        own.map { c in
          switch choices["activation"] {
          case "tanh": tanh(c)
          case "sigmoid": 1 / (1 + exp(-c))
          case "relu": max(c, 0)
          default: c
          }
        })
    }
    return indices.map { i in
      models.indices.reduce(0) { sum, k in
        sum + models[k][i] * (factors[k].count == 1 ? factors[k][0] : factors[k][i % columns])
      }
    }
  }
}
