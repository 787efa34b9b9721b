import TestSupport
import Testing
import WeirOps
import WeirTensors

struct ComparerTests {
  private func compare(_ a: [UInt8], _ dtypeA: DType, _ b: [UInt8], _ dtypeB: DType) -> Difference {
    a.withUnsafeBytes { x in
      b.withUnsafeBytes { y in
        guard let x = x.baseAddress, let y = y.baseAddress else { return Difference() }
        return Comparer().compare(x, dtypeA, y, dtypeB, count: a.count / dtypeA.byteCount)
      }
    }
  }

  /// The bits as integers in the order of the numbers.
  private func ordered(_ bits: UInt64, width: Int) -> Int128 {
    let top = UInt64(1) << UInt64(width - 1)
    return bits & top == 0 ? Int128(bits) : -Int128(bits & (top - 1))
  }

  private func place(_ distance: Int128) -> Int {
    var place = 0
    var limit: Int128 = 0
    while distance > limit {
      place += 1
      limit = limit == 0 ? 1 : limit * 2
    }
    return place
  }

  @Test(arguments: [DType.bf16, .f16, .f32, .f64], [1, 7, 4096, 4097, 65_536, 70_001])
  func `Counts and sums are those of a loop over the elements`(_ dtype: DType, _ count: Int) {
    var random = SplitMix64(seed: 3)
    let width = dtype.byteCount * 8
    var a: [UInt64] = []
    var b: [UInt64] = []
    for place in 0..<count {
      let bits = random.next() >> UInt64(64 - width)
      a.append(bits)
      switch place % 4 {
      case 0: b.append(bits)
      case 1: b.append(bits ^ 1)
      case 2: b.append(random.next() >> UInt64(64 - width))
      default: b.append(bits ^ (1 << UInt64(width - 1)))  // the other sign
      }
    }
    func bytes(_ values: [UInt64]) -> [UInt8] {
      values.flatMap { value in (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
    }
    let found = compare(bytes(a), dtype, bytes(b), dtype)
    #expect(found.elementCount == count)
    #expect(found.changedCount == zip(a, b).count { $0 != $1 })
    var ulps: [Int] = []
    for (x, y) in zip(a, b) {
      let distance = ordered(x, width: width) - ordered(y, width: width)
      let place = place(distance < 0 ? -distance : distance)
      while ulps.count <= place { ulps.append(0) }
      ulps[place] += 1
    }
    #expect(found.ulps == ulps)
    let numbers = zip(a, b).map { (value($0, dtype), value($1, dtype)) }
    let finite = numbers.filter { $0.0.isFinite && $0.1.isFinite }
    #expect(found.nonFiniteCount == count - finite.count)
    #expect(found.largest == finite.map { abs($1 - $0) }.max() ?? 0)
    let dot = finite.reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(found.dot - dot) <= 1e-9 * (found.normA * found.normB) || !found.dot.isFinite)
    let square = finite.reduce(0) { $0 + $1.0 * $1.0 }
    #expect(abs(found.squareA - square) <= 1e-9 * square || !square.isFinite)
  }

  private func value(_ bits: UInt64, _ dtype: DType) -> Double {
    switch dtype {
    case .bf16: Double(Float(bitPattern: UInt32(bits) << 16))
    case .f16: Double(Float16(bitPattern: UInt16(bits)))
    case .f32: Double(Float(bitPattern: UInt32(bits)))
    default: Double(bitPattern: bits)
    }
  }

  @Test func `Two types are compared by their values, and types without values by their bytes`() {
    let values: [Float] = [1, 2, 3.5, -4]
    var other = values
    other[2] = 3
    let mixed = compare(float32Bytes(values), .f32, bfloat16Bytes(other), .bf16)
    #expect(mixed.changedCount == 1 && mixed.ulps.isEmpty && mixed.largest == 0.5 && mixed.hasNumbers)
    let integers = compare([1, 0, 2, 0, 3, 0], .i16, [1, 0, 2, 1, 3, 0], .i16)
    #expect(integers.changedCount == 1 && integers.elementCount == 3 && !integers.hasNumbers)
    #expect(compare([1, 2], .u8, [1, 2], .i8).changedCount == 2)
  }

  @Test func `Parts add up to the whole`() {
    var random = SplitMix64(seed: 5)
    let a = (0..<200_000).map { _ in Float(Double(random.next() >> 40) / 1e6) }
    let b = a.enumerated().map { $0.offset % 3 == 0 ? $0.element * 1.0001 : $0.element }
    let whole = compare(float32Bytes(a), .f32, float32Bytes(b), .f32)
    var sum = Difference()
    for start in stride(from: 0, to: a.count, by: 65_536) {
      let end = min(start + 65_536, a.count)
      sum.add(compare(float32Bytes(Array(a[start..<end])), .f32, float32Bytes(Array(b[start..<end])), .f32))
    }
    #expect(sum == whole)
  }

  @Test func `Distances double from place to place`() {
    #expect((0...5).map { Difference.distances(at: $0) } == [0...0, 1...1, 2...2, 3...4, 5...8, 9...16])
    #expect(Difference.distances(at: 65).upperBound == .max)
  }

  private func scanned(_ bytes: [UInt8], _ dtype: DType, first: Int = 0) -> NonFiniteScan.Finding {
    bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return NonFiniteScan.Finding() }
      return NonFiniteScan().scan(start, dtype, first: first, count: bytes.count / dtype.byteCount)
    }
  }

  @Test func `What is not finite is found with its place`() {
    var values = [Float](repeating: 1, count: 9000)
    values[4100] = .nan
    values[8999] = -.infinity
    values[4101] = .infinity
    let found = scanned(float32Bytes(values), .f32, first: 100)
    #expect(found.nans == 1 && found.infinities == 2 && found.first == 4200)
    let doubles = [1.0, Double.infinity].withUnsafeBytes { Array($0) }
    #expect(scanned(doubles, .f64).first == 1)
    #expect(scanned([255, 255], .u8).isEmpty)
  }
}
