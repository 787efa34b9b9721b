#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A tensor's magnitudes, counted by octave and eighth: enough to tell what any density would keep, and lose.
public struct MagnitudeSurvey: Sendable {
  /// The bits of a magnitude key that tell bins apart: the exponent, and three of the mantissa.
  private static let shift = 20

  /// The bins that are not empty, largest magnitude first: how many elements, and the magnitude in their middle.
  public let bins: [(count: Int, magnitude: Double)]
  public let elementCount: Int
  /// `Σδ²`, within the width of a bin.
  public let energy: Double

  private static let round = Selector.Round(lower: 0, upper: 1 << 31, shift: shift)

  /// The sweep that counts a value's magnitudes over one tensor; in single precision.
  public static func computation(of value: Value, over frame: TensorFrame) -> Computation {
    let graph = value.graph
    let key = ModelStatisticKey(node: "", purpose: "survey")
    let statistic = graph.insert(
      Statistic(
        kind: .selection(value.index, Quota(count: .fixed(1), rule: .threshold)), scope: .model,
        model: ModelPlace(key: key, tensor: 0)
      ))
    return Computation(
      graph, root: nil, contributions: [statistic], frame, ModelStatistics(), rounds: [key: .count(round)])
  }

  /// What a finished computation counted; a tensor without elements was not swept.
  public init(_ computation: Computation, elementCount: Int) {
    let counts = computation.contributed.first?.total.bins ?? []
    var bins: [(count: Int, magnitude: Double)] = []
    // The bin of zero, and of what is as good as zero, keeps nothing.
    for (place, count) in counts.enumerated().reversed() where count > 0 && place > 0 {
      let middle = UInt32(truncatingIfNeeded: place << Self.shift | 1 << (Self.shift - 1))
      bins.append((Int(count), Double(Float(bitPattern: middle))))
    }
    self.bins = bins
    self.elementCount = elementCount
    energy = bins.reduce(0) { $0 + Double($1.count) * $1.magnitude * $1.magnitude }
  }
}
