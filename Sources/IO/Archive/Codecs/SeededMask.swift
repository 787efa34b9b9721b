/// A random mask that is a function of a key and an element's index in its tensor (elementwise.md §1.13).
///
/// Element i is kept where the upper 53 bits of `mix(key + C·(i + 1))` are less than ``limit``: `mix` is the finaliser of
/// SplitMix64, C is 9E3779B97F4A7C15, arithmetic is modulo 2⁶⁴.
public struct SeededMask: Sendable, Hashable {
  /// The key of the tensor's stream, K2 of the generator.
  public let key: UInt64
  /// The density times 2⁵³, rounded up; 2⁵³ keeps everything.
  public let limit: UInt64

  public init(key: UInt64, limit: UInt64) {
    self.key = key
    self.limit = limit
  }
}
