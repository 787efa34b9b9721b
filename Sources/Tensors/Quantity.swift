/// Byte quantities as people write and read them.
public enum Quantity {
  /// Reads `512`, `64M`, `2.5GB`, `5GiB`: decimal units with B or bare, binary with `iB`; `nil` for anything else.
  ///
  /// `K`, `M`, `G`, `T` alone are binary when `bareIsBinary` (memory), else decimal (shard sizes).
  public static func bytes(_ text: String, bareIsBinary: Bool = false) -> Int? {
    let digits = text.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
    guard let number = Double(String(digits)), number >= 0 else { return nil }
    let unit = text.dropFirst(digits.count).drop(while: { $0 == " " }).uppercased()
    let powers: [String: Int] = ["": 0, "K": 1, "M": 2, "G": 3, "T": 4]
    let power: Int?
    let radix: Double
    if unit.hasSuffix("IB") {
      (power, radix) = (powers[String(unit.dropLast(2))], 1024)
    } else if unit.hasSuffix("B") {
      (power, radix) = (powers[String(unit.dropLast())], 1000)
    } else {
      (power, radix) = (powers[unit], bareIsBinary ? 1024 : 1000)
    }
    guard let power else { return nil }
    var value = number
    for _ in 0..<power { value *= radix }
    guard value < 9e18 else { return nil }
    return Int(value)
  }

  /// Writes a byte count with a decimal unit and three significant digits: `1.70 GB`.
  public static func text(_ bytes: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    guard unit > 0 else { return "\(bytes) B" }
    return "\(decimal(value, places: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) \(units[unit])"
  }

  /// Writes a byte count with a binary unit, as memory is given: `352 MiB`, `1.5 GiB`.
  public static func binaryText(_ bytes: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let isWhole = value == value.rounded()
    return "\(decimal(value, places: isWhole ? 0 : value < 99.95 ? 1 : 0)) \(units[unit])"
  }

  /// Writes `value` with a fixed number of decimal places, rounding half up.
  public static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let whole = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    let fraction = String(whole % scale)
    return "\(sign)\(whole / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
