/// The fixture of the methods' test vectors, exact in bfloat16.
enum FixtureF {
  static let base = [1, -2, 0.5, 3, 0, -1, 2, -0.5]
  static let m1 = [1.5, -2.125, 0.5, 3.375, -0.25, -0.9375, 2.75, -1.125]
  static let m2 = [1.25, -1.625, 0, 2.875, 0, -0.375, 2.875, -0.3125]
  static let m3 = [0.625, -1.6875, 0.9375, 3.1875, -0.5625, -1, 1, -0.25]
  static let models = [m1, m2, m3]
  /// A second pair, for angles.
  static let x: [Double] = [1, 0, 2, -1, 0, 3, 1, 0]
  static let y: [Double] = [0, 2, -1, 1, 1, 0, 2, -2]
}
