import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

@Suite struct ConversionTests {
  private static let formats: [(DType, ReferenceFloat)] = [(.f16, .f16), (.bf16, .bf16)]

  /// Decodes patterns that lie at an odd address.
  private func decode<Element: KernelElement>(_ bytes: [UInt8], _ dtype: DType, as _: Element.Type) throws -> (
    values: [Element], isSpecial: Bool
  ) {
    let count = bytes.count / dtype.byteCount
    var values = [Element](repeating: 0, count: count)
    let special = try ([0] + bytes).withUnsafeBytes { source in
      try values.withUnsafeMutableBufferPointer { target in
        try Element.decode(
          #require(dtype.kernel), #require(target.baseAddress), #require(source.baseAddress) + 1, count)
      }
    }
    return (values, special != 0)
  }

  /// Encodes numbers to an odd address.
  private func encode<Element: KernelElement>(_ values: [Element], as dtype: DType) throws -> [UInt32] {
    var values = values
    var bytes = [UInt8](repeating: 0xAA, count: 1 + values.count * dtype.byteCount + 1)
    try bytes.withUnsafeMutableBytes { target in
      try values.withUnsafeMutableBufferPointer { source in
        try Element.encode(
          #require(dtype.kernel), #require(target.baseAddress) + 1, #require(source.baseAddress), source.count)
      }
    }
    #expect(bytes.first == 0xAA && bytes.last == 0xAA)
    return stride(from: 1, to: bytes.count - 1, by: dtype.byteCount).map { start in
      bytes[start..<start + dtype.byteCount].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  private func checkDecoding<Element: KernelElement>(_: Element.Type) throws {
    for (dtype, format) in Self.formats {
      let bytes = (0..<65_536).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
      let (values, isSpecial) = try decode(bytes, dtype, as: Element.self)
      #expect(isSpecial)
      var wrong: [Int] = []
      for (pattern, value) in values.enumerated() {
        let expected = format.decode(UInt32(pattern))
        let agrees = expected.isNaN ? value.isNaN : Double(value).bitPattern == expected.bitPattern
        if !agrees { wrong.append(pattern) }
      }
      #expect(wrong == [], "\(dtype)")
      // Tile by tile, exactly those with a special pattern are reported.
      for start in [0, 0x7BF0, 0x7C00, 0x7F70, 0x7F80, 0x8000, 0xFBF0, 0xFFF0] {
        for count in [1, 7, 16] {
          let part = Array(bytes[2 * start..<2 * (start + count)])
          let expected = (start..<start + count).contains { !format.decode(UInt32($0)).isFinite }
          #expect(try decode(part, dtype, as: Element.self).isSpecial == expected, "\(dtype) \(start) \(count)")
        }
      }
    }
  }

  @Test func `Every 16-bit pattern is decoded to its number`() throws {
    try checkDecoding(Float.self)
    try checkDecoding(Double.self)
  }

  @Test func `Wide floats are decoded as they are`() throws {
    let numbers: [Double] = [0, -0.0, 1, -1.5, 0x1p-1030, .leastNonzeroMagnitude, 1e300, 0.1]
    #expect(
      try decode(storedBytes(numbers, as: .f64), .f64, as: Double.self).values.map(\.bitPattern)
        == numbers.map(\.bitPattern))
    #expect(
      try decode(storedBytes(numbers, as: .f32), .f32, as: Double.self).values == numbers.map { Double(Float($0)) })
    for value in [Double.nan, .infinity, -.infinity] {
      for dtype in [DType.f64, .f32] {
        #expect(try decode(storedBytes([1, value], as: dtype), dtype, as: Double.self).isSpecial)
        #expect(try !decode(storedBytes([1, 1e30], as: dtype), dtype, as: Double.self).isSpecial)
      }
    }
  }

  private func checkEncoding<Element: KernelElement>(_ values: [Element], _ dtype: DType, _ format: ReferenceFloat)
    throws
  {
    let found = try encode(values, as: dtype)
    var rounded = values
    try rounded.withUnsafeMutableBufferPointer { tile in
      let start = try #require(tile.baseAddress)
      try Element.round(#require(dtype.kernel), start, start, tile.count)
    }
    var wrong: [Element] = []
    for (place, value) in values.enumerated() {
      if let expected = format.encode(Double(value)) {
        let back = format.decode(expected)
        if found[place] != expected || Double(rounded[place]).bitPattern != back.bitPattern { wrong.append(value) }
      } else if !format.decode(found[place]).isNaN || !rounded[place].isNaN {
        wrong.append(value)
      }
    }
    #expect(wrong.isEmpty, "\(dtype): \(wrong.prefix(3)) of \(wrong.count)")
  }

  @Test func `Numbers are encoded with one rounding, to nearest even`() throws {
    var random = SplitMix64(seed: 3)
    for (dtype, format) in Self.formats {
      // Every number, the middle between neighbours, and a hair to either side of it, up to beyond infinity.
      var singles: [Float] = [.nan, -.nan, .signalingNaN, .infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
      var doubles: [Double] = [
        .nan, .signalingNaN, .infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e-50, -1e-50, 1e39, 65_520,
        65_519.99999999999, 3.3961775292304957e38, 3.39617752923049e38,
      ]
      for pattern in stride(from: UInt32(0), to: format.infinity, by: dtype == .bf16 ? 5 : 3) {
        let value = format.decode(pattern)
        let next = pattern + 1 == format.infinity ? 2 * value - format.decode(pattern - 1) : format.decode(pattern + 1)
        let middle = (value + next) / 2
        let sign: Double = pattern % 2 == 0 ? 1 : -1
        doubles += [value, middle, middle.nextUp, middle.nextDown].map { sign * $0 }
        singles += [Float(value), Float(middle), Float(middle).nextUp, Float(middle).nextDown].map { Float(sign) * $0 }
      }
      for _ in 0..<20_000 {
        singles.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
        doubles.append(Double(bitPattern: random.next()))
        doubles.append(random.signed() * Double(sign: .plus, exponent: random.int(-150..<130), significand: 1))
      }
      try checkEncoding(singles, dtype, format)
      try checkEncoding(doubles, dtype, format)
    }
  }

  @Test func `Doubles are encoded as Float32 with one rounding`() throws {
    var random = SplitMix64(seed: 4)
    var values: [Double] = [0, -0.0, 1e-46, 7e-46, 1e39, -.infinity, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50, 16_777_217]
    for _ in 0..<5000 {
      values.append(random.signed() * Double(sign: .plus, exponent: random.int(-150..<128), significand: 1))
    }
    try checkEncoding(values, .f32, .f32)
    #expect(try encode([Float(1.5), -0.0, .infinity], as: .f32) == [0x3FC0_0000, 0x8000_0000, 0x7F80_0000])
  }

  @Test(arguments: [DType.f32, .f16, .bf16, .f64], [DType.f32, .f16, .bf16, .f64])
  func `A difference is that of the decoded numbers, and says where one may be special`(
    left: DType, right: DType
  ) throws {
    func check<Element: KernelElement>(_: Element.Type, _ bytes: [UInt8], _ count: Int, start: Int) throws {
      let a = try decode(
        Array(bytes[start * left.byteCount..<(start + count) * left.byteCount]), left, as: Element.self)
      let b = try decode(Array(bytes.suffix(count * right.byteCount)), right, as: Element.self)
      var found = [Element](repeating: 0, count: count)
      let special = try ([0] + bytes).withUnsafeBytes { source in
        let first = try #require(source.baseAddress) + 1
        return try found.withUnsafeMutableBufferPointer { target in
          try Element.difference(
            #require(left.kernel), #require(right.kernel), #require(target.baseAddress),
            first + start * left.byteCount, first + bytes.count - count * right.byteCount, count)
        }
      }
      for place in 0..<count {
        let expected = a.values[place] - b.values[place]
        let agrees = expected.isNaN ? found[place].isNaN : found[place] == expected
        #expect(agrees, "\(place) of \(count)")
      }
      if a.isSpecial || b.isSpecial { #expect(special != 0) }
      if special != 0 { #expect(a.isSpecial || b.isSpecial || found.contains { !$0.isFinite }) }
    }
    var random = SplitMix64(seed: 9)
    for special in [false, true] {
      // Without a highest bit of any exponent set, no pattern is special in any of the types.
      let bytes = (0..<8 * 1300).map { _ in UInt8(random.int(0..<256)) & (special ? 0xFF : 0xBB) }
      for (count, start) in [(1, 0), (255, 3), (256, 0), (1000, 7)] {
        try check(Float.self, bytes, count, start: start)
        try check(Double.self, bytes, count, start: start)
      }
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16, .f64])
  func `Scaled and added while it is decoded is the same as after`(dtype: DType) throws {
    func check<Element: KernelElement>(_: Element.Type, _ bytes: [UInt8], _ count: Int) throws {
      let part = Array(bytes.suffix(count * dtype.byteCount))
      let decoded = try decode(part, dtype, as: Element.self)
      for (scale, isAdded) in [(Element(0.3), false), (0.3, true), (1, true), (-2, true)] {
        // The result takes the place of what it is added to.
        var found = (0..<count).map { Element($0) / 7 }
        let others = found
        let special = try part.withUnsafeBytes { source in
          try found.withUnsafeMutableBufferPointer { target in
            try Element.decodeScaled(
              #require(dtype.kernel), #require(target.baseAddress), isAdded ? target.baseAddress : nil,
              #require(source.baseAddress), scale, count)
          }
        }
        #expect((special != 0) == decoded.isSpecial)
        for place in 0..<count {
          let product = decoded.values[place] * scale
          let expected = isAdded ? others[place] + product : product
          #expect(expected.isNaN ? found[place].isNaN : found[place] == expected, "\(place) of \(count)")
        }
      }
    }
    var random = SplitMix64(seed: 10)
    for special in [false, true] {
      let bytes = (0..<8 * 1300).map { _ in UInt8(random.int(0..<256)) & (special ? 0xFF : 0xBB) }
      for count in [1, 255, 256, 1000] {
        try check(Float.self, bytes, count)
        try check(Double.self, bytes, count)
      }
    }
  }
}
