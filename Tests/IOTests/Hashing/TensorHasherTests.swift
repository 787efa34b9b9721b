import Foundation
import TestSupport
import Testing

@testable import WeirIO

@Suite struct TensorHasherTests {
  private static let piece = TensorHasher.pieceByteCount

  /// The hash by its definition.
  private func expected(_ bytes: [UInt8]) -> Hash128 {
    Hash128(
      of: stride(from: 0, to: bytes.count, by: Self.piece).map { start in
        Hash128(Array(bytes[start..<min(start + Self.piece, bytes.count)]))
      })
  }

  private func noise(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    for place in stride(from: 0, to: count, by: 97) { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
    return bytes
  }

  /// Cuts a range at random places.
  private func parts(of count: Int, _ longest: Int, _ random: inout SplitMix64) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    while let start = parts.last?.upperBound ?? 0 as Int?, start < count {
      parts.append(start..<min(count, start + random.int(1..<longest + 1)))
    }
    return parts
  }

  private func add(_ bytes: [UInt8], _ range: Range<Int>, of tensor: Int, to hasher: TensorHasher) {
    _ = bytes.withUnsafeBytes {
      hasher.add(UnsafeRawBufferPointer(rebasing: $0[range]), of: tensor, at: range.lowerBound)
    }
  }

  @Test(arguments: [0, 1, 1000, piece - 1, piece, piece + 1, 3 * piece, 5 * piece + 77])
  func `A tensor in parts of any size and order has the hash of the whole`(_ count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let bytes = noise(count, &random)
    #expect(TensorHasher.hash(of: bytes) == expected(bytes))
    for longest in [max(1, count / 50), 1_000_003, 3 * Self.piece] {
      let hasher = TensorHasher(byteCounts: [5, count])
      let parts = parts(of: count, longest, &random)
      for order in [parts, parts.reversed(), parts.shuffled(using: &random)] {
        let hasher = TensorHasher(byteCounts: [5, count])
        for (place, part) in order.enumerated() {
          #expect(hasher.hash(of: 1) == nil, "\(place) of \(order.count)")
          add(bytes, part, of: 1, to: hasher)
        }
        #expect(hasher.hash(of: 1) == expected(bytes))
        #expect(hasher.hash(of: 0) == nil)
      }
      if count > 0 { #expect(hasher.hash(of: 1) == nil) }
    }
  }

  @Test func `Eight threads that add parts of several tensors get their hashes`() throws {
    var random = SplitMix64(seed: 8)
    let tensors = [3 * Self.piece + 5, 700, 2 * Self.piece].map { noise($0, &random) }
    for longest in [50_000, 900_000] {
      let hasher = TensorHasher(byteCounts: tensors.map(\.count))
      let work = tensors.indices.flatMap { tensor in
        parts(of: tensors[tensor].count, longest, &random).map { (tensor, $0) }
      }.shuffled(using: &random)
      DispatchQueue.concurrentPerform(iterations: 8) { thread in
        for (tensor, part) in work.enumerated().filter({ $0.offset % 8 == thread }).map(\.element) {
          add(tensors[tensor], part, of: tensor, to: hasher)
        }
      }
      #expect(tensors.indices.map { hasher.hash(of: $0) } == tensors.map(expected))
    }
  }

  @Test(arguments: [4096, 65_537, 300_001])
  func `Runs that are told of their bytes step by step give the hashes of the whole`(_ step: Int) {
    var random = SplitMix64(seed: UInt64(step))
    let bytes = noise(3 * Self.piece + 777, &random)
    let parts = parts(of: bytes.count, 2 * Self.piece, &random)
    for order in [parts, parts.reversed(), parts.shuffled(using: &random)] {
      let hasher = TensorHasher(byteCounts: [bytes.count])
      var pieces: [TensorHasher.Piece] = []
      for part in order {
        // Two runs at a time: what the second is told of comes before its turn, or after it.
        let runs = [HashRun(), HashRun()]
        let middle = part.lowerBound + part.count / 2
        bytes.withUnsafeBytes { bytes in
          for (run, half) in zip(runs, [part.lowerBound..<middle, middle..<part.upperBound]) {
            run.begin(hasher, UnsafeRawBufferPointer(rebasing: bytes[half]), of: 0, at: half.lowerBound)
          }
          for place in stride(from: 0, to: part.count / 2, by: step) {
            runs[0].advance(to: part.lowerBound + place)
            runs[1].advance(to: middle + place)
          }
          for run in runs { pieces += run.end() }
        }
      }
      #expect(hasher.hash(of: 0) == expected(bytes))
      #expect(pieces.map(\.number).sorted() == [0, 1, 2, 3])
    }
  }

  @Test func `A run passes over pieces that are known`() {
    var random = SplitMix64(seed: 3)
    let bytes = noise(2 * Self.piece + 5, &random)
    let hasher = TensorHasher(byteCounts: [bytes.count])
    hasher.take(TensorHasher.Piece(tensor: 0, number: 1, hash: Hash128([])))
    let run = HashRun()
    let pieces = bytes.withUnsafeBytes { bytes in
      run.begin(hasher, bytes, of: 0, at: 0)
      run.advance(to: Self.piece + 100)
      return run.end()
    }
    #expect(pieces.map(\.number) == [0, 2])
    #expect(hasher.hash(of: 0) == Hash128(of: [pieces[0].hash, Hash128([]), pieces[1].hash]))
  }

  @Test func `A fingerprint does not depend on the order of the tensors`() {
    let hashes = (0..<5).map { Hash128([UInt8($0)]) }
    let names = ["b", "a", "Z", "é", "aa"]
    let named = zip(names, hashes).map { (name: $0, hash: $1) }
    let sorted = [2, 1, 4, 0, 3].map { hashes[$0] }
    #expect(Fingerprint.of(named) == Hash128(of: sorted))
    #expect(Fingerprint.of(named.reversed()) == Hash128(of: sorted))
    #expect(Hash128(canonical: hashes[1].bytes[...]) == hashes[1])
  }
}
