import TestSupport
import WeirTensors

/// A task vector in plain Swift, and what the lossy codecs make of it by their definitions.
///
/// Differences and values are Float32, statistics Double in the order that design.md §3 lays down.
struct PlainDelta {
  struct Part {
    let name: String
    let shape: [Int]
    let values: [Float]

    var rowLength: Int { shape.count > 1 ? shape[shape.count - 1] : values.count }
    var rowCount: Int { rowLength == 0 ? 0 : values.count / rowLength }
  }

  /// What shares a number: the whole task vector, a tensor, or a row.
  enum Extent { case model, tensor, row }

  let parts: [Part]

  init(_ parts: [Part]) { self.parts = parts }

  /// The changes of the floating-point tensors that both have with one shape, F64 left out.
  init(from base: [TestTensor], to tuned: [TestTensor]) {
    let known = Dictionary(base.map { ($0.name, $0) }) { first, _ in first }
    parts = tuned.compactMap { tensor in
      guard tensor.dtype.isMergeable, tensor.dtype != .f64, let other = known[tensor.name],
        other.dtype.isMergeable, other.dtype != .f64, other.shape == tensor.shape
      else { return nil }
      return Part(
        name: tensor.name, shape: tensor.shape, values: zip(tensor.values, other.values).map { Float($0) - Float($1) })
    }
  }

  func only(_ names: (String) -> Bool) -> PlainDelta { PlainDelta(parts.filter { names($0.name) }) }

  // MARK: - Codecs

  /// The signs of the largest, times one scale.
  func ternary(
    density: Double, alpha: Double = 1, scope: Extent = .model, isPaper: Bool = false, isMean: Bool = false,
    scale: Extent? = nil
  ) -> [[Float]] {
    let kept = trimmed(density, scope, isPaper: isPaper)
    let scales: [[Double]]
    if isMean {
      let sums = totals(kept.map { $0.map { abs(Double($0)) } }, scale ?? .tensor)
      let counts = totals(kept.map { $0.map { $0 == 0 ? 0 : 1 } }, scale ?? .tensor)
      scales = zip(sums, counts).map { zip($0, $1).map { $0 / max(1, $1) } }
    } else {
      scales = deviations(scale ?? .model)
    }
    return signs(kept, scales.map { $0.map { $0 * alpha } }) { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
  }

  /// The signs of all, times the mean magnitude.
  func sign(alpha: Double = 1, scale: Extent = .tensor) -> [[Float]] {
    signs(parts.map(\.values), means(scale).map { $0.map { $0 * alpha } }) { $0 >= 0 ? 1 : -1 }
  }

  /// The signs of random ones.
  func seeded(density: Double, seed: UInt64, alpha: Double = 1, scale: Extent = .tensor) -> [[Float]] {
    let whole = signs(parts.map(\.values), means(scale).map { $0.map { $0 * alpha / density } }) { $0 >= 0 ? 1 : -1 }
    return dropped(whole, density, seed)
  }

  /// The values of random ones, divided by the density.
  func dare(density: Double, seed: UInt64) -> [[Float]] {
    dropped(parts.map { $0.values.map { $0 / Float(density) } }, density, seed).map { $0.map(Self.bf16) }
  }

  /// The values of the largest.
  func sparse(density: Double, scope: Extent = .model) -> [[Float]] {
    trimmed(density, scope, isPaper: false).map { $0.map(Self.bf16) }
  }

  func dense(isBF16: Bool = false) -> [[Float]] { parts.map { isBF16 ? $0.values.map(Self.bf16) : $0.values } }

  // MARK: - What they share

  static func bf16(_ value: Float) -> Float { Float(ReferenceFloat.bf16.rounded(Double(value))) }

  private func trimmed(_ density: Double, _ scope: Extent, isPaper: Bool) -> [[Float]] {
    func keep(_ values: [Float], isScalar: Bool) -> [Float] {
      guard density < 1, !values.isEmpty, !isScalar else { return values }
      let count = min(values.count, max(1, Int(density * Double(values.count)) + (isPaper ? 1 : 0)))
      guard count < values.count else { return values }
      let kept = ReferenceStatistics.keeps(values.map(Double.init), count: count, exactly: !isPaper)
      return zip(values, kept).map { $1 ? $0 : 0 }
    }
    guard scope == .model else { return parts.map { keep($0.values, isScalar: $0.shape.isEmpty) } }
    var whole = keep(parts.flatMap(\.values), isScalar: false)[...]
    return parts.map { part in
      defer { whole = whole.dropFirst(part.values.count) }
      return Array(whole.prefix(part.values.count))
    }
  }

  /// Sums, one for each row of each part, however far they reach.
  private func totals(_ values: [[Double]], _ extent: Extent) -> [[Double]] {
    let sums = values.map { ReferenceStatistics.sum($0) }
    return zip(parts, values).enumerated().map { place, pair in
      let (part, values) = pair
      switch extent {
      case .model: return Array(repeating: sums.reduce(0, +), count: part.rowCount)
      case .tensor: return Array(repeating: sums[place], count: part.rowCount)
      case .row: return part.rowLength == 0 ? [] : ReferenceStatistics.rowSums(values, rowLength: part.rowLength)
      }
    }
  }

  private func count(_ extent: Extent, _ part: Part) -> Double {
    switch extent {
    case .model: Double(parts.reduce(0) { $0 + $1.values.count })
    case .tensor: Double(part.values.count)
    case .row: Double(part.rowLength)
    }
  }

  private func means(_ extent: Extent) -> [[Double]] {
    let sums = totals(parts.map { $0.values.map { Double(abs($0)) } }, extent)
    return zip(parts, sums).map { part, sums in sums.map { $0 / max(1, count(extent, part)) } }
  }

  private func deviations(_ extent: Extent) -> [[Double]] {
    let sums = totals(parts.map { $0.values.map(Double.init) }, extent)
    let squares = totals(parts.map { $0.values.map { Double($0) * Double($0) } }, extent)
    return parts.indices.map { place in
      let count = count(extent, parts[place])
      return zip(sums[place], squares[place]).map { sum, squares in
        max(0, (squares - sum * sum / max(1, count)) / max(1, count - 1)).squareRoot()
      }
    }
  }

  private func signs(_ values: [[Float]], _ scales: [[Double]], _ sign: (Float) -> Float) -> [[Float]] {
    zip(parts, values).enumerated().map { place, pair in
      let (part, values) = pair
      return values.enumerated().map { sign($1) * Float(scales[place][$0 / part.rowLength]) }
    }
  }

  private func dropped(_ values: [[Float]], _ density: Double, _ seed: UInt64) -> [[Float]] {
    zip(parts, values).map { part, values in
      guard density < 1, !part.shape.isEmpty else { return values }
      let mask = ReferenceMask(seed: seed, name: part.name, model: 0)
      return values.enumerated().map { mask.number($0) < density ? $1 : 0 }
    }
  }
}

extension PlainDelta {
  /// The bytes of `base + prepared` in a type: one addition in Float32, one rounding.
  static func applied(_ prepared: [Float], to base: [Double]?, as dtype: DType) -> [UInt8] {
    let sums = base.map { zip($0, prepared).map { Double(Float($0) + $1) } } ?? prepared.map(Double.init)
    return storedBytes(sums, as: dtype)
  }
}
