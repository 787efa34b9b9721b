import TestSupport
import WeirTensors

@testable import WeirIO

/// One block to be coded: where it lies, its values, and the base's bytes.
struct CodecCase {
  var place: BlockPlace
  var values: [Float]
  var base: [UInt8]

  /// A block of `count` elements from `first` on, each kept with `density(row, column)` as ±`scale(row)`.
  init(
    count: Int, row: Int, first: Int = 0, seed: UInt64 = 1, dtype: DType = .bf16, scale: (Int) -> Float = { _ in 0.5 },
    density: (Int, Int) -> Double
  ) {
    var random = SplitMix64(seed: seed)
    place = BlockPlace(first: first, count: count, rowLength: row, dtype: dtype)
    values = (first..<first + count).map { index in
      let isKept = random.unit() < density(index / row, index % row)
      let value = isKept ? scale(index / row) : 0
      return random.next() % 2 == 0 ? value : -value
    }
    base = CodecCase.base(count: count, dtype: dtype, seed: seed)
  }

  /// Numbers of a few binary exponents, as a base has them.
  static func base(count: Int, dtype: DType, seed: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: seed ^ 0xB45E)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * dtype.byteCount)
    for _ in 0..<count {
      let value = Float(random.signed() * random.unit())
      switch dtype {
      case .f32: withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
      case .f16: withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { bytes += $0 }
      default: withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) { bytes += $0 }
      }
    }
    return bytes
  }

  /// The exponent field of the base's element `index`, for bf16.
  func exponent(_ index: Int) -> Int { (Int(base[2 * index + 1]) & 0x7F) << 1 | Int(base[2 * index]) >> 7 }
}

/// Coders with their memory, which tests of many blocks reuse as a worker does.
final class CodecBench {
  private var scratch: CodecScratch
  let planes: PlaneBuffer

  init() throws {
    scratch = try CodecScratch()
    planes = try PlaneBuffer()
  }

  func encode(_ block: CodecCase, _ codec: ArchiveCodec, mask: SeededMask? = nil) throws(CheckpointError) -> [UInt8] {
    do {
      scratch.startBlock()
      // In parts of any length, as tiles may be.
      for part in [0..<min(77, block.values.count), min(77, block.values.count)..<block.values.count] {
        block.values[part].withUnsafeBufferPointer { scratch.add($0, of: block.place) }
      }
      return try block.base.withUnsafeBytes { base in
        switch codec {
        case .sign: try SignCodec.encode(block.place, scratch: &scratch)
        case .seeded:
          try SeededCodec.encode(block.place, mask: mask ?? SeededMask(key: 0, limit: 0), scratch: &scratch)
        default: try TernaryCodec.encode(block.place, codec: codec, base: base, scratch: &scratch)
        }
      }
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw CheckpointError(.malformed(found: "\(error)", expected: "an error of checkpoints"))
    }
  }

  func decode(
    _ payload: [UInt8], _ place: BlockPlace, _ codec: ArchiveCodec, base: [UInt8] = [], mask: SeededMask? = nil
  ) throws(CheckpointError) -> [Float] {
    do {
      // Exactly as many bytes as the payload has, so that a sanitizer sees reads beyond it.
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 1)
      defer { copy.deallocate() }
      copy.copyBytes(from: payload)
      let bytes = UnsafeRawBufferPointer(copy)
      try base.withUnsafeBytes { base in
        switch codec {
        case .sign: try SignCodec.decode(bytes, place, into: planes)
        case .seeded:
          try SeededCodec.decode(bytes, place, mask: mask ?? SeededMask(key: 0, limit: 0), into: planes)
        default: try TernaryCodec.decode(bytes, place, codec: codec, base: base, into: planes)
        }
      }
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw CheckpointError(.malformed(found: "\(error)", expected: "an error of checkpoints"))
    }
    return expanded(0..<place.count, place)
  }

  func expanded(_ range: Range<Int>, _ place: BlockPlace) -> [Float] {
    [Float](unsafeUninitializedCapacity: range.count) { buffer, count in
      if let start = buffer.baseAddress { planes.expand(range, of: place, into: start) }
      count = range.count
    }
  }

  func roundTrip(_ block: CodecCase, _ codec: ArchiveCodec, mask: SeededMask? = nil) throws -> (
    payload: [UInt8], values: [Float]
  ) {
    let payload = try encode(block, codec, mask: mask)
    return (payload, try decode(payload, block.place, codec, base: block.base, mask: mask))
  }
}
