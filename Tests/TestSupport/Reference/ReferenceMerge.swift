#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One tensor merged by the plain text of elementwise.md, in Double, element by element, with nothing shared.
///
/// A model-scope method is one that is given all tensors laid end to end.
public struct ReferenceMerge: Sendable {
  public var base: [Double]?
  public var models: [[Double]]
  /// Models that are deltas already; empty for none.
  public var deltas: Set<Int> = []
  public var shape: [Int]
  public var name = "w"
  public var numbers: [String: Double] = [:]
  public var perModel: [String: [Double]] = [:]
  public var flags: [String: Bool] = [:]
  public var choices: [String: String] = [:]
  /// Tensors that parameters name beside the models.
  public var sides: [String: [[Double]]] = [:]
  /// For each model, the numbers of each tensor that has some.
  public var coefficients: [[String: [Double]]] = []

  /// The tensors that make up the elements, for methods that look beyond one; empty where there is one, `name` of `shape`.
  public var parts: [ReferencePart] = []
  /// The tensors of the whole model, of which this may be one.
  var allParts: [ReferencePart] = []

  public init(base: [Double]? = nil, models: [[Double]], shape: [Int]) {
    self.base = base
    self.models = models
    self.shape = shape
  }

  /// The result; `nil` where the text says that it is an error.
  public func run(_ method: String) -> [Double]? {
    if method == "pcb", choices["scope"] != "tensor" { return pcb() }
    // A model-scope method of the first kind takes all tensors as one.
    var merge = self
    if merge.allParts.isEmpty { merge.allParts = tensors }
    if parts.count > 1, Self.ofModels[method] == nil, !isModelScope { return eachPart { $0.run(method) } }
    if let body = Self.ofModels[method] ?? Self.ofTensors[method] { return body(merge) }
    return primitive(method)
  }

  typealias Body = @Sendable (ReferenceMerge) -> [Double]?

  /// What methods make of a tensor, by name.
  static let ofTensors: [String: Body] = [basics, averaging, geometry, masks, ranked, outliers, beside].reduce(into: [:]
  ) {
    $0.merge($1) { $1 }
  }

  static let basics: [String: Body] = [
    "linear": { $0.linear() },
    "lerp": { m in m.zip2(m.base ?? [], m.models[0]) { (1 - m["t", 0.5]) * $0 + m["t", 0.5] * $1 } },
    "slerp": { $0.slerp() },
    "nuslerp": { $0.nuslerp() },
    "task_arithmetic": { $0.combine($0.differences, election: nil, normalize: $0.flag("normalize", false)) },
    "negate": { m in m.applied(m.differences[0].map { -m["lambda", 1] * $0 }) },
    "analogy": { m in
      m.applied(m.indices.map { m["lambda", 1] * (m.differences[2][$0] + m.differences[1][$0] - m.differences[0][$0]) })
    },
    "extrapolate": { m in m.zip2(m.models[0], m.differences[0]) { $0 + m["alpha", 0.1] * $1 } },
    "ties": { $0.ties() },
    "dare_linear": { m in m.dare().map { m.combine($0, election: nil, normalize: m.flag("normalize", false)) } },
    "dare_ties": { m in m.dare().map { m.combine($0, election: "sum", normalize: m.flag("normalize", false)) } },
    "trim": { $0.trim($0.models[0], $0["density", 1], exactly: $0.choices["rule"] != "threshold", extra: 0) },
    "passthrough": { m in m.models[0].map { m["scale", 1] * $0 } },
  ]

  /// What methods make of several tensors at once, by name.
  static let ofModels: [String: Body] = [
    "lines_multi": { $0.linesMulti() },
    "varm": { $0.varm() },
    "emr": { $0.emr() },
    "lwptv": { $0.lwPtv() },
    "fisher": { $0.fisher() },
  ]

  // MARK: - Parts

  var indices: Range<Int> { 0..<models[0].count }

  subscript(_ name: String, _ standard: Double) -> Double { numbers[name] ?? standard }

  func flag(_ name: String, _ standard: Bool) -> Bool { flags[name] ?? standard }

  func number(_ name: String, _ model: Int, _ standard: Double) -> Double {
    perModel[name]?[model] ?? numbers[name] ?? standard
  }

  var weights: [Double] { models.indices.map { number("weight", $0, 1) } }

  var differences: [[Double]] {
    models.enumerated().map { index, model in
      guard let base, !deltas.contains(index) else { return model }
      return zip2(model, base) { $0 - $1 }
    }
  }

  func applied(_ delta: [Double]) -> [Double] { base.map { zip2($0, delta) { $0 + $1 } } ?? delta }

  func zip2(_ a: [Double], _ b: [Double], _ body: (Double, Double) -> Double) -> [Double] {
    zip(a, b).map(body)
  }

  func sgn(_ x: Double) -> Double { x > 0 ? 1 : x < 0 ? -1 : 0 }

  // MARK: - M01, M03, M04

  func linear() -> [Double]? {
    let total = weights.reduce(0, +)
    if flag("normalize", true), total == 0 { return nil }
    let divisor = flag("normalize", true) ? total : 1
    return indices.map { i in zip(models, weights).reduce(0) { $0 + $1.1 * $1.0[i] } / divisor }
  }

  func norm(_ v: [Double]) -> Double { v.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  func slerp() -> [Double] {
    let (v0, v1, t) = (base ?? [], models[0], self["t", 0.5])
    let (n0, n1) = (norm(v0), norm(v1))
    let eps = self["eps", 1e-8]
    let u0 = n0 > eps ? v0.map { $0 / n0 } : v0
    let u1 = n1 > eps ? v1.map { $0 / n1 } : v1
    let c = zip(u0, u1).reduce(0) { $0 + $1.0 * $1.1 }
    if abs(c) > self["dot_threshold", 0.9995] { return zip2(v0, v1) { (1 - t) * $0 + t * $1 } }
    let omega = acos(c)
    return zip2(v0, v1) { sin((1 - t) * omega) / sin(omega) * $0 + sin(t * omega) / sin(omega) * $1 }
  }

  func nuslerp() -> [Double] {
    let total = weights[0] + weights[1]
    let t = abs(total) < 1e-6 ? 0.5 : weights[1] / total
    let (a, b) = (differences[0], differences[1])
    var groups: [[Int]] = [Array(indices)]
    if !flag("nuslerp_flatten", true), shape.count >= 2, !models[0].isEmpty {
      let last = shape[shape.count - 1]
      let columns = models[0].count / shape[0]
      groups =
        flag("nuslerp_row_wise", false)
        ? (0..<columns).map { column in Array(stride(from: column, to: models[0].count, by: columns)) }
        : stride(from: 0, to: models[0].count, by: last).map { Array($0..<$0 + last) }
    }
    var result = [Double](repeating: 0, count: models[0].count)
    for group in groups {
      let (va, vb) = (group.map { a[$0] }, group.map { b[$0] })
      let (na, nb) = (max(norm(va), 1e-7), max(norm(vb), 1e-7))
      let cosine = zip(va, vb).reduce(0) { $0 + $1.0 / na * ($1.1 / nb) }
      let omega = acos(min(1, max(-1, cosine)))
      for (place, index) in group.enumerated() {
        result[index] =
          abs(sin(omega)) < 1e-6
          ? (1 - t) * va[place] + t * vb[place]
          : (sin((1 - t) * omega) * va[place] + sin(t * omega) * vb[place]) / sin(omega)
      }
    }
    return applied(result)
  }

  // MARK: - Pipeline G

  func trim(_ values: [Double], _ density: Double, exactly: Bool, extra: Int) -> [Double] {
    // Scalars are not masked, except by a selection over the whole model.
    guard density < 1, isModelScope || !shape.isEmpty else { return values }
    guard density > 0 else { return values.map { _ in 0 } }
    let count = max(1, Int(density * Double(values.count)) + extra)
    let keeps = ReferenceStatistics.keeps(values, count: count, exactly: exactly)
    return zip(values, keeps).map { $1 ? $0 : 0 }
  }

  func combine(_ deltas: [[Double]], election: String?, normalize: Bool) -> [Double] {
    let weighted = zip(deltas, weights).map { delta, weight in delta.map { $0 * weight } }
    return applied(
      indices.map { i in
        let column = weighted.map { $0[i] }
        var keeps = column.map { _ in true }
        var divisor = weights.reduce(0, +)
        if let election {
          let votes = (election == "count" ? column.map(sgn) : column).reduce(0, +)
          let elected: Double = votes >= 0 ? 1 : -1
          keeps = column.map { sgn($0) == elected }
          divisor = zip(weights, keeps).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
          if divisor == 0 { divisor = 1 }
        } else if abs(divisor) < 1e-8 {
          divisor = 1
        }
        let sum = zip(column, keeps).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
        return self["lambda", 1] * (normalize ? sum / divisor : sum)
      })
  }

  func dare() -> [[Double]]? {
    var result: [[Double]] = []
    for (index, delta) in differences.enumerated() {
      let density = number("density", index, 1)
      guard density < 1, !shape.isEmpty else {
        result.append(delta)
        continue
      }
      let mask = ReferenceMask(seed: UInt64(self["seed", 0]), name: name, model: index)
      let dropped = delta.enumerated().map { mask.number($0.offset) < density ? $0.element : 0 }
      var scale = 1.0
      if flag("rescale", true), choices["rescale_rule"] == "l1" {
        let before = delta.reduce(0) { $0 + abs($1) }
        let after = dropped.reduce(0) { $0 + abs($1) }
        scale = before < 1e-7 || after < 1e-7 ? 1 : before / after
      } else if flag("rescale", true) {
        guard density > 0 else { return nil }
        scale = 1 / density
      }
      result.append(dropped.map { $0 * scale })
    }
    return result
  }

  // MARK: - M12

  var isModelScope: Bool {
    choices["merged_with"] == "ties" || choices["scope"] == "model"
      || (choices["variant"] == "paper" && choices["scope"] != "tensor")
  }

  func ties() -> [Double]? {
    let variant = choices["variant"] ?? "mergekit"
    let election = choices["election"] ?? "sum"
    let aggregate = choices["aggregate"] ?? "mean"
    let rule = choices["rule"].flatMap { $0 == "auto" ? nil : $0 } ?? (variant == "paper" ? "threshold" : "exact_k")
    let zeroSign =
      choices["zero_sign"].flatMap { $0 == "auto" ? nil : $0 } ?? (variant == "paper" ? "global_majority" : "positive")
    let trimmed = differences.enumerated().map { index, delta in
      let kept = trim(
        delta, number("density", index, 1), exactly: rule == "exact_k", extra: variant == "paper" ? 1 : 0)
      return flag("rescale", false) ? matchL1(kept, delta) : kept
    }
    let weighted = zip(trimmed, weights).map { delta, weight in delta.map { $0 * weight } }
    let voters = variant == "mergekit" ? weighted : trimmed
    let signs = indices.map { i in
      let column = voters.map { $0[i] }
      return sgn((election == "count" ? column.map(sgn) : column).reduce(0, +))
    }
    let majority: Double = zeroSign == "positive" ? 1 : sgn(signs.reduce(0, +))
    return applied(
      indices.map { i in
        let elected = signs[i] == 0 ? majority : signs[i]
        let isPositive = elected > 0
        let keeps = voters.map { isPositive ? $0[i] > 0 : $0[i] < 0 }
        let kept = zip(weighted, keeps).map { $1 ? $0[i] : 0 }
        let merged: Double
        switch aggregate {
        case "max": merged = (kept.map(abs).max() ?? 0) * elected
        case "mean" where flag("normalize", true):
          if variant == "mergekit" {
            let divisor = zip(weights, keeps).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
            merged = kept.reduce(0, +) / (divisor == 0 ? 1 : divisor)
          } else {
            merged = kept.reduce(0, +) / Double(max(1, keeps.count { $0 }))
          }
        default: merged = kept.reduce(0, +)
        }
        return self["lambda", 1] * merged
      })
  }

  // MARK: - Primitives

  func primitive(_ name: String) -> [Double]? {
    indices.map { i in
      let column = models.map { $0[i] }
      switch name {
      case "subtract": return column[0] - column[1]
      case "add": return column.reduce(0, +)
      case "scale": return column[0] * self["factor", 1]
      case "multiply": return column.reduce(1, *)
      case "mean": return column.reduce(0, +) / Double(column.count)
      case "elect": return (choices["election"] == "count" ? column.map(sgn) : column).reduce(0, +) >= 0 ? 1 : -1
      case "agree": return sgn(column[0]) * sgn(column[1]) > 0 ? column[0] : 0
      case "select": return column[0] != 0 ? column[1] : column[2]
      case "abs": return abs(column[0])
      case "sign": return sgn(column[0])
      case "minimum": return column.reduce(.infinity, Swift.min)
      case "maximum": return column.reduce(-.infinity, Swift.max)
      case "clip": return Swift.min(Swift.max(column[0], self["min", 0]), self["max", 0])
      case "cast":
        switch choices["dtype"] {
        case "bf16": return ReferenceFloat.bf16.rounded(column[0])
        case "f16": return ReferenceFloat.f16.rounded(column[0])
        default: return ReferenceFloat.f32.rounded(column[0])
        }
      case "drop":
        let density = self["density", 1]
        guard density < 1, !shape.isEmpty else { return column[0] }
        let mask = ReferenceMask(seed: UInt64(self["seed", 0]), name: self.name, model: 0)
        let kept = mask.number(i) < density ? column[0] : 0
        return flag("rescale", false) ? kept / density : kept
      default: return .nan
      }
    }
  }
}
