import Foundation
import TestSupport
import WeirTensors

@testable import WeirIO

/// Elements of a tuned tensor and its base, as a block of codec 10 has them.
struct ElementCase {
  var place: BlockPlace
  var tuned: [UInt8]
  var base: [UInt8]?

  var payload: [UInt8] {
    get throws {
      try tuned.withUnsafeBytes { tuned in
        guard let base else { return try LosslessCodec.encode(tuned, base: nil, place) }
        return try base.withUnsafeBytes { try LosslessCodec.encode(tuned, base: $0, place) }
      }
    }
  }

  /// A block of patterns: `pattern` gives the bits of the tuned element and of the base's, of which the lowest count.
  init(
    count: Int, row: Int, dtype: DType, hasBase: Bool = true, first: Int = 0, _ pattern: (Int) -> (UInt32, UInt32)
  ) {
    place = BlockPlace(first: first, count: count, rowLength: row, dtype: dtype)
    tuned = []
    var base: [UInt8] = []
    for index in 0..<count {
      let (t, b) = pattern(index)
      withUnsafeBytes(of: t.littleEndian) { tuned += $0[..<dtype.byteCount] }
      withUnsafeBytes(of: b.littleEndian) { base += $0[..<dtype.byteCount] }
    }
    self.base = hasBase ? base : nil
  }

  /// Numbers as a tuned model has them: the base's are normal, a row's deltas too, and both are rounded.
  init(
    count: Int, row: Int, dtype: DType, seed: UInt64 = 1, hasBase: Bool = true, scale: (Int) -> Double
  ) {
    var random = SplitMix64(seed: seed)
    func normal() -> Double { (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit()) }
    self.init(count: count, row: row, dtype: dtype, hasBase: hasBase) { index in
      let base = 0.04 * normal()
      let tuned = base + scale(index / row) * normal()
      return (Self.bits(tuned, dtype), Self.bits(base, dtype))
    }
  }

  /// The bits of a number, rounded to nearest even.
  static func bits(_ value: Double, _ dtype: DType) -> UInt32 {
    switch dtype {
    case .f32: return Float(value).bitPattern
    case .f16: return UInt32(Float16(value).bitPattern)
    default:
      let bits = Float(value).bitPattern
      return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    }
  }

  func decode(_ payload: [UInt8], base: [UInt8]? = nil, level: UInt32? = nil) throws -> [UInt8] {
    var result = [UInt8](repeating: 0x5A, count: tuned.count)
    try payload.withExactBytes { payload in
      try result.withUnsafeMutableBytes { result in
        let known = base ?? self.base
        func run(_ base: UnsafeRawBufferPointer?) throws {
          guard let level else { return try LosslessCodec.decode(payload, place, base: base, into: result) }
          try ValueBench.lend { bench throws(CheckpointError) in
            try LosslessCodec.decode(
              payload, base: base?.baseAddress, count: place.count, place.dtype, into: result.baseAddress, bench,
              level: level)
          }
        }
        guard let known else { return try run(nil) }
        try known.withUnsafeBytes { try run($0) }
      }
    }
    return result
  }

  /// Bits per element of the payload, which decodes to the tuned elements.
  func checkedBits() throws -> Double? {
    let payload = try payload
    return try decode(payload) == tuned ? Double(8 * payload.count) / Double(place.count) : nil
  }
}

extension [UInt8] {
  /// Lends exactly as many bytes as there are, so that a sanitizer sees reads beyond them.
  func withExactBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: self)
    return try body(UnsafeRawBufferPointer(copy))
  }
}

/// Values that a codec gave back, by their bits.
func values(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows -> [UInt32] {
  var values = [Float](repeating: .nan, count: count)
  try values.withUnsafeMutableBufferPointer { try body($0) }
  return values.map(\.bitPattern)
}
