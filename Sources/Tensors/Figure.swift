/// Measured numbers as people read them.
public enum Figure {
  /// Writes four significant digits, or as many as `digits` says: `0.01234`, `12.34`, `1.234e-07`.
  public static func text(_ value: Double, digits: Int = 4) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-inf" : "inf" }
    guard value != 0 else { return "0" }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 10 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    // Rounding may carry into the next power.
    if Double(Quantity.decimal(mantissa, places: digits - 1)) ?? 0 >= 10 {
      mantissa /= 10
      exponent += 1
    }
    guard exponent < -4 || exponent > 6 else {
      return Quantity.decimal(value, places: max(0, digits - 1 - exponent))
    }
    let sign = value < 0 ? "-" : ""
    let power = "\(exponent < 0 ? "-" : "+")\(abs(exponent) < 10 ? "0" : "")\(abs(exponent))"
    return "\(sign)\(Quantity.decimal(mantissa, places: digits - 1))e\(power)"
  }

  /// Writes a number as short as people write it: `1`, `0.05`.
  public static func plain(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  /// Writes a share in percent: `12.3 %`; what is neither none nor all never reads as if it were.
  public static func percent(_ share: Double, places: Int = 1) -> String {
    guard share > 0 else { return "0 %" }
    guard share < 1 else { return "\(Int((share * 100).rounded())) %" }
    let text = Quantity.decimal(share * 100, places: places)
    var least = 1.0
    for _ in 0..<places { least /= 10 }
    if share * 100 < least / 2 { return "<\(Quantity.decimal(least, places: places)) %" }
    if text.hasPrefix("100") { return ">\(Quantity.decimal(100 - least, places: places)) %" }
    return "\(text) %"
  }
}
