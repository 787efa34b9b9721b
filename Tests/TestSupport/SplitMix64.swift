/// A seeded generator of random numbers: a property that fails once fails again with the same seed.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A number in [0, 1).
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number in [-1, 1).
  public mutating func signed() -> Double { 2 * unit() - 1 }

  /// A number of a range.
  public mutating func int(_ range: Range<Int>) -> Int {
    range.lowerBound + Int(next() >> 1) % range.count
  }

  /// One of a list; the list is not empty.
  public mutating func pick<Element>(_ list: [Element]) -> Element { list[int(0..<list.count)] }

  /// A small multiple of 1/64, often zero: sums and products of a few are exact, and many are equal.
  public mutating func dyadic() -> Double { next() % 8 == 0 ? 0 : Double(int(-64..<65)) / 64 }
}
