import WeirTensors

/// A binary floating-point format, decoded and encoded by its definition with exact arithmetic in Double.
public struct ReferenceFloat: Sendable {
  public let exponentBits: Int
  public let fractionBits: Int

  public static let f16 = ReferenceFloat(exponentBits: 5, fractionBits: 10)
  public static let bf16 = ReferenceFloat(exponentBits: 8, fractionBits: 7)
  public static let f32 = ReferenceFloat(exponentBits: 8, fractionBits: 23)

  private var bias: Int { 1 << (exponentBits - 1) - 1 }
  private var signBit: UInt32 { 1 << UInt32(exponentBits + fractionBits) }
  /// The pattern of infinity.
  public var infinity: UInt32 { signBit - 1 << UInt32(fractionBits) }

  /// The number of a pattern.
  public func decode(_ bits: UInt32) -> Double {
    let magnitude = bits & (signBit - 1)
    let sign: FloatingPointSign = bits & signBit == 0 ? .plus : .minus
    guard magnitude < infinity else { return magnitude == infinity ? (sign == .plus ? .infinity : -.infinity) : .nan }
    let field = Int(magnitude >> UInt32(fractionBits))
    let fraction = Int(magnitude & (1 << UInt32(fractionBits) - 1))
    let whole = field == 0 ? fraction : fraction + 1 << fractionBits
    let value = Double(sign: .plus, exponent: max(1, field) - bias - fractionBits, significand: Double(whole))
    return sign == .plus ? value : -value
  }

  /// The pattern of the nearest number, of two equally near the even one; `nil` for a NaN, of which there are many.
  public func encode(_ value: Double) -> UInt32? {
    guard !value.isNaN else { return nil }
    let sign = value.sign == .minus ? signBit : 0
    guard value.isFinite else { return sign | infinity }
    guard value != 0 else { return sign }
    let exponent = max(value.exponent, 1 - bias)
    guard exponent <= bias else { return sign | infinity }
    let scaled = Double(sign: .plus, exponent: fractionBits - exponent, significand: abs(value))
    let whole = Int(scaled.rounded(.toNearestOrEven))
    let bits = UInt32((exponent + bias) << fractionBits + whole - 1 << fractionBits)
    return sign | min(bits, infinity)
  }

  /// The nearest number that the format has.
  public func rounded(_ value: Double) -> Double { encode(value).map(decode) ?? .nan }
}

extension ReferenceFloat {
  /// The format of a type that is narrower than F64.
  public init?(_ dtype: DType) {
    switch dtype {
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .f32: self = .f32
    default: return nil
    }
  }
}

/// The bytes of numbers in a type, least significant first, each rounded to nearest even.
public func storedBytes(_ values: [Double], as dtype: DType) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(values.count * dtype.byteCount)
  for value in values {
    var bits: UInt64
    switch dtype {
    case .f64: bits = value.bitPattern
    case .f32: bits = UInt64(Float(value).bitPattern)
    case .bf16, .f16: bits = UInt64(ReferenceFloat(dtype)?.encode(value) ?? 0x7FFF)
    default: bits = UInt64(bitPattern: Int64(value))
    }
    for _ in 0..<dtype.byteCount {
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
    }
  }
  return bytes
}

/// The numbers that bytes hold in a floating-point type.
public func storedValues(_ bytes: [UInt8], as dtype: DType) -> [Double] {
  stride(from: 0, to: bytes.count, by: dtype.byteCount).map { start in
    var bits: UInt64 = 0
    for place in (0..<dtype.byteCount).reversed() { bits = bits << 8 | UInt64(bytes[start + place]) }
    switch dtype {
    case .f64: return Double(bitPattern: bits)
    case .f32: return Double(Float(bitPattern: UInt32(bits)))
    default: return ReferenceFloat(dtype)?.decode(UInt32(bits)) ?? Double(bits)
    }
  }
}
