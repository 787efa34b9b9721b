/// How two tensors of one shape differ, or two runs of their elements.
///
/// Sums are in Double, in eight lanes by index within runs of 65,536 elements, through a fixed tree, runs in their order: the
/// same numbers on any number of threads.
public struct Difference: Hashable, Sendable {
  public private(set) var elementCount = 0
  /// Elements whose bytes differ; of two types, whose values do.
  public private(set) var changedCount = 0
  /// `Σa²`, `Σb²`, `Σ(b−a)²`, `Σa·b` over the elements that are finite on both sides.
  public private(set) var squareA = 0.0
  public private(set) var squareB = 0.0
  public private(set) var squareDifference = 0.0
  public private(set) var dot = 0.0
  /// The largest `|b−a|`.
  public private(set) var largest = 0.0
  /// Elements with a NaN or an infinity on either side.
  public private(set) var nonFiniteCount = 0
  /// Elements by their distance in units of the last place: 0, 1, 2, 3–4, 5–8, …; empty where the types differ or are none
  /// with such units.
  public private(set) var ulps: [Int] = []
  /// Whether sums and the largest difference mean something.
  public private(set) var hasNumbers = false

  public init() {}

  init(changed: Int, of count: Int) {
    elementCount = count
    changedCount = changed
  }

  init(changed: Int, of count: Int, sums: [Double], largest: Double, nonFinite: Int, ulps: [Int]) {
    self.init(changed: changed, of: count)
    squareA = sums[0]
    squareB = sums[1]
    squareDifference = sums[2]
    dot = sums[3]
    self.largest = largest
    nonFiniteCount = nonFinite
    self.ulps = ulps
    hasNumbers = true
  }

  /// Takes in what comes after it.
  public mutating func add(_ other: Difference) {
    elementCount += other.elementCount
    changedCount += other.changedCount
    squareA += other.squareA
    squareB += other.squareB
    squareDifference += other.squareDifference
    dot += other.dot
    largest = max(largest, other.largest)
    nonFiniteCount += other.nonFiniteCount
    if ulps.count < other.ulps.count { ulps += Array(repeating: 0, count: other.ulps.count - ulps.count) }
    for (place, count) in other.ulps.enumerated() { ulps[place] += count }
    hasNumbers = hasNumbers || other.hasNumbers
  }

  /// `‖a‖`, `‖b‖`, `‖b−a‖`.
  public var normA: Double { squareA.squareRoot() }
  public var normB: Double { squareB.squareRoot() }
  public var normDifference: Double { squareDifference.squareRoot() }

  /// `a·b / (‖a‖ ‖b‖)`; `nil` where one of the two is zero.
  public var cosine: Double? {
    let norms = normA * normB
    guard norms > 0 else { return nil }
    return max(-1, min(1, dot / norms))
  }

  public var changedShare: Double { elementCount == 0 ? 0 : Double(changedCount) / Double(elementCount) }

  /// The distances that a place of ``ulps`` stands for.
  public static func distances(at place: Int) -> ClosedRange<UInt64> {
    guard place > 1 else { return UInt64(max(0, place))...UInt64(max(0, place)) }
    let power = UInt64(1) << UInt64(place - 2)
    return power + 1...(power.multipliedReportingOverflow(by: 2).overflow ? .max : power * 2)
  }
}
