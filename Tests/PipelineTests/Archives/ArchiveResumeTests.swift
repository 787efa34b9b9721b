import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct ArchiveResumeTests {
  private static let name = "x.tv.safetensors"

  @Test(arguments: [
    #""codec": "lossless""#, #""codec": "ternary", "density": 0.4, "coding": "auto""#,
    #""codec": "lowrank", "rank": 2"#,
    #""codec": "dense""#, #""codec": "ternary", "target_size": 9000"#,
  ])
  func `An archive that ended after any tensor goes on there and ends in the same bytes`(codec: String) throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 91))
      try writeFile(scene.path("tuned/tokenizer.json"), String(repeating: "words ", count: 2000))
      let text = scene.compressText(codec)
      try scene.run(text)
      let expected = try readFile(scene.path(Self.name))
      try FileManager.default.removeItem(atPath: scene.path(Self.name))
      var kept: [Int] = []
      try scene.resumeEverywhere(text, Self.name) { (report: RunReport) throws in
        kept.append(report.outputs[0].keptByteCount)
        #expect(try readFile(scene.path(Self.name)) == expected)
      }
      #expect(kept.count > 5 && kept[0] == 0 && kept.contains { $0 > 0 })
      #expect(try scene.names() == ["base", "tuned"])
    }
  }

  @Test func `Tensors that the file has lost are coded again, with all that follow`() throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 92))
      let text = scene.compressText(#""codec": "lossless""#)
      try scene.run(text)
      let expected = try readFile(scene.path(Self.name))
      try FileManager.default.removeItem(atPath: scene.path(Self.name))
      let file = scene.path(".\(Self.name).weir-partial/files/\(Self.name)")
      let damages: [(inout [UInt8]) -> Void] = [
        { $0[$0.count - 3] ^= 4 }, { $0[$0.count * 3 / 4] ^= 1 }, { $0 = Array($0[..<($0.count / 2)]) }, { $0 = [] },
        { for place in $0.indices { $0[place] = 0 } },
      ]
      for damage in damages {
        try scene.runAlmost(text)
        var bytes = try readFile(file)
        damage(&bytes)
        try writeFile(file, bytes)
        try scene.run(text)
        #expect(try readFile(scene.path(Self.name)) == expected)
        try FileManager.default.removeItem(atPath: scene.path(Self.name))
      }
    }
  }

  @Test func `An application that goes on still refuses another base`() throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 93))
      try scene.run(scene.compressText(#""codec": "ternary", "density": 0.3"#))
      try scene.resumeEverywhere(scene.applyText(), "out") { (_: RunReport) throws in
        #expect(try scene.list("out").count == ArchiveModels.shapes.count)
      }
      try scene.runAlmost(scene.applyText())
      // Other bytes under the same size, time and header: only reading them tells.
      let path = scene.path("base/model.safetensors")
      let time = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      var bytes = try readFile(path)
      bytes[bytes.count - 1] ^= 0x40
      try writeFile(path, bytes)
      try FileManager.default.setAttributes([.modificationDate: try #require(time)], ofItemAtPath: path)
      let complaints = scene.complaints(scene.applyText())
      // A file system that keeps finer times than can be set tells by the time alone.
      #expect(complaints[0].contains("differs from the base") || complaints[0].contains("was modified since"))
    }
  }

  @Test func `Statistics of the whole model are kept, to the bit, and not gathered again`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 94)
      for name in ["base", "a", "b"] {
        try scene.add(
          name,
          [
            TestTensor("v", largeBF16: [400_000], random: &random),
            TestTensor("w", largeBF16: [300_001], random: &random),
          ])
      }
      let node = #"{"op": "ties", "base": "base", "models": ["a", "b"], "density": 0.3, "scope": "model"}"#
      let text = pipeline(["base", "a", "b"], graph: [("n", node)], outputs: [("n", "out")])
      try scene.run(text)
      let expected = try readFile(scene.path("out/model.safetensors"))
      try FileManager.default.removeItem(atPath: scene.path("out"))
      var read: [Int] = []
      try scene.resumeEverywhere(text, "out", RunOptions(memory: 32 << 20, threads: 4)) { (report: RunReport) throws in
        read.append(report.bytesRead)
        #expect(try readFile(scene.path("out/model.safetensors")) == expected)
      }
      // The second begins where the sweeps are done and no block is.
      #expect(read[1] < read[0] * 2 / 3 && read.last == 0, "\(read)")
    }
  }
}
