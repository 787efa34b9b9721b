#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Rows, outliers and pruned weights: M10, M14, M15, M25.
extension ReferenceMerge {
  static let outliers: [String: Body] = [
    "della": { m in m.della().map { m.combine($0, election: "sum", normalize: m.flag("normalize", true)) } },
    "della_linear": { m in m.della().map { m.combine($0, election: nil, normalize: m.flag("normalize", false)) } },
    "breadcrumbs": { m in
      m.breadcrumbs().map { m.combine($0, election: nil, normalize: m.flag("normalize", false)) }
    },
    "breadcrumbs_ties": { m in
      m.breadcrumbs().map { m.combine($0, election: "sum", normalize: m.flag("normalize", false)) }
    },
    "arcee_fusion": { $0.arceeFusion() },
    "sparse_soup": { $0.sparseSoup() },
  ]

  /// Scaled to the norm of the whole.
  func matchL1(_ kept: [Double], _ delta: [Double]) -> [Double] {
    let (before, after) = (delta.reduce(0) { $0 + abs($1) }, kept.reduce(0) { $0 + abs($1) })
    return before < 1e-7 || after < 1e-7 ? kept : kept.map { $0 * (before / after) }
  }

  /// The places of the elements that lie in one line along an axis, line by line.
  private func lines(axis: Int) -> [[Int]] {
    guard axis >= 0, !indices.isEmpty else { return [Array(indices)] }
    let inner = shape[(axis + 1)...].reduce(1, *)
    return Dictionary(grouping: indices) { i in [i / (inner * shape[axis]), i % inner] }.values.map { $0.sorted() }
  }

  private func della() -> [[Double]]? {
    var result: [[Double]] = []
    for (k, delta) in differences.enumerated() {
      let (density, epsilon) = (number("density", k, 1), number("epsilon", k, 0.15))
      if density >= 1 || shape.isEmpty || density <= 0 {
        result.append(density <= 0 && !shape.isEmpty ? delta.map { _ in 0 } : delta)
        continue
      }
      guard density - epsilon > 0, density + epsilon < 1 else { return nil }
      let isRow = choices["scope"] != "tensor"
      let isRank = choices["by"] != "magnitude"
      let axis = !isRow ? -1 : isRank ? min(1, shape.count - 1) : shape.count - 1
      let mask = ReferenceMask(seed: UInt64(self["seed", 0]), name: name, model: k)
      var kept = delta
      for line in lines(axis: axis) {
        let sizes = line.map { abs(delta[$0]) }
        let ascending = line.indices.sorted { (sizes[$0], $0) < (sizes[$1], $1) }
        for (rank, place) in ascending.enumerated() {
          var share = line.count > 1 ? Double(rank) / Double(line.count - 1) : 0.5
          if !isRank {
            let least = sizes.min() ?? 0
            share = (sizes[place] - least) / ((sizes.max() ?? 0) - least + 1e-7)
          }
          let p = density - epsilon + 2 * epsilon * share
          let i = line[place]
          kept[i] = mask.number(i) < p ? delta[i] : 0
          if flag("rescale", true), choices["rescale_rule"] != "l1" { kept[i] /= p }
        }
      }
      result.append(flag("rescale", true) && choices["rescale_rule"] == "l1" ? matchL1(kept, delta) : kept)
    }
    return result
  }

  private func breadcrumbs() -> [[Double]]? {
    var result: [[Double]] = []
    for (k, delta) in differences.enumerated() {
      let (density, gamma) = (number("density", k, 1), number("gamma", k, 0.01))
      let variant = choices["variant"] ?? "mergekit"
      var keeps = Set(indices)
      func ascending(_ places: [Int]) -> [Int] { places.sorted { (abs(delta[$0]), $0) < (abs(delta[$1]), $1) } }
      if shape.isEmpty || indices.isEmpty || (density >= 1 && variant != "original") {
        // All is kept.
      } else if variant == "original" {
        keeps = []
        for line in lines(axis: shape.count - 1) {
          let (top, kept) = (Int(Double(line.count) * gamma), Int(Double(line.count) * density))
          var left = ascending(line)
          if choices["order"] == "keep_first" {
            left = Array(left.suffix(kept).dropLast(top))
          } else {
            left = Array(left.dropLast(top).suffix(kept))
          }
          keeps.formUnion(left)
        }
      } else if variant == "mergellm" {
        let n = Double(indices.count)
        let small = Int(self["mask_rate", 0] * n)
        let large = Int(n * (1 - density)) - small
        if large < 0 { return nil }
        let sizes = delta.map(abs).sorted()
        func at(_ place: Int) -> Double { sizes[max(0, min(sizes.count - 1, place - 1))] }
        keeps = keeps.filter { abs(delta[$0]) >= at(small) && abs(delta[$0]) <= at(sizes.count - large) }
      } else {
        let n = indices.count
        let target = Int(density * Double(n))
        var top = Int(gamma * Double(n))
        var bottom = n - target - top
        if bottom < 0 {
          top += bottom
          bottom = 0
        }
        let ends = top == 0 && variant == "mergekit_verbatim" ? bottom..<bottom : bottom..<n - top
        keeps = Set(ascending(Array(indices))[ends])
      }
      let kept = indices.map { keeps.contains($0) ? delta[$0] : 0 }
      result.append(flag("rescale", false) ? matchL1(kept, delta) : kept)
    }
    return result
  }

  private func arceeFusion() -> [Double] {
    let base = base ?? []
    var scores = base
    for line in lines(axis: shape.count - 1) {
      func softmax(_ x: [Double]) -> [Double] {
        let powers = line.map { exp(x[$0] - (line.map { x[$0] }.max() ?? 0)) }
        return powers.map { $0 / powers.reduce(0, +) + 1e-8 }
      }
      let (p, q) = (softmax(models[0]), softmax(base))
      let divergence = zip2(p, q) { $0 * log($0 / $1) }.reduce(0, +)
      for i in line { scores[i] = abs(models[0][i] - base[i]) * divergence }
    }
    let sorted = scores.sorted()
    func quantile(_ x: Double) -> Double { sorted.isEmpty ? 0 : sorted[Int(x * Double(sorted.count - 1))] }
    let threshold = quantile(0.5) + self["iqr_factor", 1.5] * (quantile(0.75) - quantile(0.25))
    return indices.map { scores[$0] >= threshold ? models[0][$0] : base[$0] }
  }

  private func sparseSoup() -> [Double]? {
    let total = weights.reduce(0, +)
    guard total != 0 else { return nil }
    let given = sides["mask"]?.first?.map { $0 != 0 }
    let own = models.map { $0.map { $0 != 0 } }
    let mask: [Bool]
    switch choices["mask_policy"] ?? "require_equal" {
    case "require_equal":
      mask = given ?? own[0]
      let agree = own.allSatisfy { own in
        given == nil ? own == mask : zip(own, mask).allSatisfy { !$0 || $1 }
      }
      guard agree else { return nil }
    case "from_file":
      guard let given else { return nil }
      mask = given
    case let policy:
      mask = indices.map { i in
        let column = own.map { $0[i] }
        return policy == "union" ? column.contains(true) : (given?[i] ?? true) && !column.contains(false)
      }
    }
    return indices.map { i in
      mask[i] ? zip(models, weights).reduce(0) { $0 + $1.0[i] * $1.1 } / total : 0
    }
  }
}
