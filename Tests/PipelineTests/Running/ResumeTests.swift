import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct ResumeTests {
  private static let node =
    #"{"op": "linear", "models": [{"from": "a", "weight": 0.25}, {"from": "b", "weight": 0.5}]}"#

  private static func text(_ out: String = "out", node: String = node, more: String = "") -> String {
    pipeline(["a", "b"], graph: [("n", node)], outputs: [("n", out)], outputMore: more)
  }

  /// Small blocks, so that there are some.
  private static let small = RunOptions(memory: 16 << 20, threads: 4)

  private func addModels(_ scene: Scene) throws {
    var random = SplitMix64(seed: 61)
    for name in ["a", "b"] {
      let tensors = [
        TestTensor("copied", .i64, [2], bytes: Array(repeating: 1, count: 16)),
        TestTensor("large", largeBF16: [700_001], random: &random), TestTensor("empty", .bf16, [0], bytes: []),
        TestTensor("norm", largeBF16: [33], random: &random),
        TestTensor("later", largeBF16: [3, 300_001], random: &random),
      ]
      try scene.add(name, tensors, config: "{}")
    }
  }

  /// All bytes of an output, by file.
  private func bytes(_ scene: Scene, _ out: String) throws -> [String: [UInt8]] {
    guard !out.contains(".") else { return [out: try readFile(scene.path(out))] }
    return Dictionary(
      try scene.names(out).map { ($0, try readFile(scene.path("\(out)/\($0)"))) },
      uniquingKeysWith: { first, _ in first })
  }

  @Test(arguments: [("out", ""), ("out", #", "shard_size": "1MB""#), ("out.safetensors", "")])
  func `A run that ended after any block goes on there and ends in the same bytes`(out: String, more: String) throws {
    try withScene { scene in
      try addModels(scene)
      let text = Self.text(out, more: more)
      try scene.run(text)
      let expected = try bytes(scene, out)
      try FileManager.default.removeItem(atPath: scene.path(out))
      var kept: [Int] = []
      try scene.resumeEverywhere(text, out, Self.small) { (report: RunReport) throws in
        kept.append(report.outputs[0].keptByteCount)
        #expect(try bytes(scene, out) == expected)
        #expect(try scene.names() == ["a", "b", out, "template"].sorted())
      }
      // Neighbouring blocks whose common piece of a hash ends with either share a record, as it happens.
      #expect(kept.count > 2)
      #expect(kept == kept.sorted() && kept[0] == 0)
      let files = try scene.plan(text).outputs[0].layout.files
      #expect(kept.last == files.reduce(0) { $0 + $1.byteCount - $1.header.count })
    }
  }

  @Test func `What the journal speaks of and the disk has lost is computed again`() throws {
    try withScene { scene in
      try addModels(scene)
      try scene.run(Self.text())
      let expected = try bytes(scene, "out")
      try FileManager.default.removeItem(atPath: scene.path("out"))
      let file = scene.path(".out.weir-partial/files/model.safetensors")
      let damages: [(inout [UInt8]) -> Void] = [
        { for place in $0.indices.dropFirst(1_000_000).prefix(5000) { $0[place] = 0 } },
        { $0[$0.count - 1] ^= 1 }, { $0[4096] ^= 0x80 }, { $0 = Array($0[..<600_000]) }, { $0 = [] },
        { $0 += Array(repeating: 9, count: 100_000) },
      ]
      for damage in damages {
        try scene.runAlmost(Self.text())
        var bytes = try readFile(file)
        damage(&bytes)
        try writeFile(file, bytes)
        try scene.run(Self.text())
        #expect(try self.bytes(scene, "out") == expected)
        try FileManager.default.removeItem(atPath: scene.path("out"))
      }
      try scene.runAlmost(Self.text())
      try FileManager.default.removeItem(atPath: file)
      try scene.run(Self.text())
      #expect(try bytes(scene, "out") == expected)
    }
  }

  @Test func `Threads, memory, white space, notes and the way numbers are written change nothing`() throws {
    try withScene { scene in
      try addModels(scene)
      let text = Self.text()
      try scene.runAlmost(text)
      let other = text.replacing(
        "{\"weir\": 1,", with: "{ \"note\": \"again\",\n\n \"weir\": 1,\"variables\": {\"w\": 0.5},"
      )
      .replacing("0.25", with: "2.50e-1").replacing("\"weight\": 0.5", with: #""weight": {"var": "w"}"#)
      #expect(other != text)
      let report = try scene.run(other, RunOptions(memory: 1 << 30, threads: 5))
      #expect(report.outputs[0].keptByteCount > 3_000_000)
      #expect(report.bytesRead == 0)
    }
  }

  @Test func `Another run into the output is refused with what differs, unless it starts over`() throws {
    try withScene { scene in
      try addModels(scene)
      try scene.runAlmost(Self.text())
      func refusal(_ text: String) throws -> String {
        let complaint = try #require(scene.complaints(text).first)
        let start = "\(scene.path("out")): an unfinished run into it was another: "
        let end = "; run that one again to finish it, or start over with --fresh"
        #expect(complaint.hasPrefix(start) && complaint.hasSuffix(end), "\(complaint)")
        #expect(try scene.names() == [".out.weir-partial", "a", "b"])
        return String(complaint.dropFirst(start.count).dropLast(end.count))
      }
      #expect(
        try refusal(Self.text(node: Self.node.replacing("0.25", with: "0.75")))
          == "'graph.n.models[0].weight' was 0.25, is 0.75")
      #expect(
        try refusal(Self.text(more: #", "dtype": "f32""#))
          == "'output.dtype' was not there, is 'f32'")
      #expect(
        try refusal(Self.text(node: #"{"op": "mean", "inputs": ["a", "b"]}"#)).hasPrefix(
          "'graph.n.inputs[0]' was not there, is 'a'"))
      let model = scene.path("b/model.safetensors")
      let bytes = try readFile(model)
      try writeFile(model, bytes + [])
      #expect(try refusal(Self.text()) == "source 'b': \(model) was modified since")
      var header = bytes
      let name = try #require(header.firstRange(of: Array("norm".utf8)))
      header.replaceSubrange(name, with: Array("term".utf8))
      try writeFile(model, header)
      try writeFile(
        scene.path("a/model.safetensors"),
        try readFile(scene.path("a/model.safetensors")).replacing(Array("norm".utf8), with: Array("term".utf8)))
      let found = try refusal(Self.text())
      #expect(
        found.contains("a/model.safetensors has another header")
          && found.contains("b/model.safetensors has another header"))
      var options = RunOptions.test
      options.fresh = true
      #expect(try scene.run(Self.text(), options).outputs[0].keptByteCount == 0)
      #expect(try scene.names() == ["a", "b", "out"])
    }
  }

  @Test func `A source that has moved is said to be another`() throws {
    try withScene { scene in
      try addModels(scene)
      try scene.runAlmost(Self.text())
      try FileManager.default.moveItem(atPath: scene.path("b"), toPath: scene.path("c"))
      let text = Self.text().replacing(#""b": "b""#, with: #""b": "c""#)
      #expect(
        scene.complaints(text)[0].contains(
          "source 'b' was \(scene.path("b/model.safetensors")), is \(scene.path("c/model.safetensors"));"))
    }
  }

  @Test func `A run that ended before anything was finished leaves nothing to continue or to refuse`() throws {
    try withScene { scene in
      try addModels(scene)
      let plan = try scene.plan(Self.text())
      let progress = Progress(plan)
      let run = try OutputRun(plan, output: 0, progress)
      #expect(progress.keptPlaces == [])
      run.end()
      #expect(try scene.names() == ["a", "b"])
      // Killed: the folder stays, with a journal that says only what the run was.
      try scene.runAlmost(Self.text())
      let path = scene.path(".out.weir-partial/journal")
      let journal = try readFile(path)
      try writeFile(path, Array(journal[..<scene.recordEnds(journal)[0]]))
      try scene.run(Self.text(node: #"{"op": "mean", "inputs": ["a", "b"]}"#))
      #expect(try scene.names() == ["a", "b", "out"])
    }
  }

  @Test func `What a program without a journal has left is removed`() throws {
    try withScene { scene in
      try addModels(scene)
      try makeFolder(scene.path(".out.weir-partial"))
      try makeFolder(scene.path(".out.weir-partial/files"))
      try writeFile(scene.path(".out.weir-partial/files/model.safetensors"), "half")
      try writeFile(scene.path(".out.weir-partial/journal"), "nonsense")
      try scene.run(Self.text())
      #expect(try scene.names() == ["a", "b", "out"])
    }
  }

  @Test func `A failure keeps what was finished, and the mended run goes on`() throws {
    try withScene { scene in
      try addModels(scene)
      try scene.run(Self.text("whole"))
      let plan = try scene.plan(Self.text(), Self.small)
      let progress = Progress(plan)
      // The place of the output is taken while the run is at work, which is found at its end.
      let error = #expect(throws: PipelineError.self) {
        _ = try plan.run(progress: progress) {
          if !FileManager.default.fileExists(atPath: scene.path("out")) { try? writeFile(scene.path("out"), "mine") }
        }
      }
      #expect(error?.description.contains("already exists") == true)
      #expect(progress.keptPlaces == [scene.path(".out.weir-partial")])
      try FileManager.default.removeItem(atPath: scene.path("out"))
      let report = try scene.run(Self.text())
      #expect(report.outputs[0].keptByteCount > 3_000_000 && report.bytesRead == 0)
      #expect(try readFile(scene.path("out/model.safetensors")) == readFile(scene.path("whole/model.safetensors")))
    }
  }
}
