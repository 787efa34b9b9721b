extension RandomMask {
  /// The generator's constant C, and SplitMix64's finaliser, as elementwise.md §1.13 defines them.
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ bits: UInt64) -> UInt64 {
    var bits = bits
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// The 64-bit FNV-1a hash of a name's UTF-8.
  static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// K1 of the generator: what seed and tensor name contribute.
  static func tensorKey(seed: UInt64, tensor: String) -> UInt64 { mix(mix(seed &+ golden) ^ hash(tensor)) }

  /// The stream of one model of one tensor, cut at `density`: element i is kept where u_i < density.
  public init(seed: UInt64, tensor: String, model: Int, density: Double) {
    key = Self.mix(Self.tensorKey(seed: seed, tensor: tensor) &+ Self.golden &* UInt64(model + 1))
    // u_i = bits · 2⁻⁵³ < density, for whole bits, is bits < ⌈density · 2⁵³⌉; the product is exact.
    limit = UInt64((max(0, min(1, density)) * 0x1p53).rounded(.up))
  }
}
