import TestSupport
import Testing
import WeirIO

@testable import WeirPipeline

@Suite struct DigestTests {
  private static let sizes = [1, 1000, 1 << 18, (1 << 19) - 1, (1 << 19) + 1, 1_300_000]

  /// Hashes bytes as a digest is defined, piece by piece.
  private func hash(_ bytes: [UInt8]) -> Hash128 {
    Hash128(
      of: stride(from: 0, to: bytes.count, by: 1 << 20).map { start in
        bytes[start..<min(start + 1 << 20, bytes.count)].withUnsafeBytes { Hash128($0) }
      })
  }

  @Test(arguments: [40, 64, 352], [1, 2, 8])
  func `A digest is that of the written file, whatever memory and threads`(memory: Int, threads: Int) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 1)
      let tensors = Self.sizes.enumerated().map {
        TestTensor("t\($0.offset)", largeBF16: [$0.element], random: &random)
      }
      try scene.add("a", tensors)
      let text = pipeline(
        ["a"], graph: [("n", #"{"op": "scale", "inputs": ["a"], "factor": 0.75}"#)],
        outputs: [("n", "out.safetensors"), ("n", "digest:")])
      let report = try scene.run(text, RunOptions(memory: memory << 20, threads: threads))
      let digest = try #require(report.outputs[1].digest)
      let written = try scene.list("out.safetensors")
      #expect(digest.tensors.map(\.name) == written.map(\.name))
      #expect(digest.tensors.map(\.hash) == written.map { hash($0.bytes) })
      let sorted = digest.tensors.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
      #expect(digest.total == Hash128(of: sorted.map(\.hash)))
    }
  }
}
