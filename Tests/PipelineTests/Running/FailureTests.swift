import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct FailureTests {
  private static let mean = #"{"op": "mean", "inputs": ["a", "b"]}"#

  private func text(_ out: String = "out", node: String = mean, more: String = "") -> String {
    pipeline(["a", "b"], graph: [("n", node)], outputs: [("n", out)], more: more)
  }

  private func large(_ random: inout SplitMix64) -> [TestTensor] {
    [TestTensor("mask", .bool, [3], [1, 0, 1]), TestTensor("w", largeBF16: [500_001], random: &random)]
  }

  /// Runs a pipeline that must fail, and checks that it leaves nothing behind but what a later run may go on from.
  private func failure(
    _ scene: Scene, _ text: String, _ options: RunOptions = .test,
    during: (Plan, WeirPipeline.Progress) throws -> Void = { _, _ in }
  ) throws -> PipelineError? {
    let before = try scene.finishedNames()
    var options = options
    options.fresh = true
    let plan = try scene.plan(text, options)
    let progress = WeirPipeline.Progress(plan)
    try during(plan, progress)
    let error = #expect(throws: PipelineError.self) { _ = try plan.run(progress: progress) }
    #expect(try scene.finishedNames() == before)
    return error
  }

  @Test(arguments: ["out", "out.safetensors", "digest:"], [0, 250_000, 500_000])
  func `A number that is none is named by its place, and nothing is left`(out: String, place: Int) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 41)
      let tensors = large(&random)
      try scene.add("a", tensors)
      for (bits, word) in [([0xC0, 0x7F], "NaN"), ([0x80, 0xFF], "infinite")] as [([UInt8], String)] {
        var bytes = tensors[1].bytes
        bytes.replaceSubrange(2 * place..<2 * place + 2, with: bits)
        let broken = [tensors[0], TestTensor("w", .bf16, [500_001], bytes: bytes)]
        if word == "NaN" { try makeFolder(scene.path("b")) }
        try writeSafetensors(path: scene.path("b/model.safetensors"), tensors: broken.map(\.fixture))
        for node in [Self.mean, #"{"op": "slerp", "base": "a", "models": ["b"], "t": 0.5}"#] {
          let error = try failure(scene, text(out, node: node), RunOptions(memory: 16 << 20, threads: 2))
          #expect(error?.kind == .run)
          let message = try #require(error?.diagnostics.first?.message)
          #expect(message.hasPrefix("source 'b': tensor 'w': element \(place) is \(word)"), "\(message)")
          #expect(message.contains("model.safetensors"))
        }
      }
    }
  }

  @Test(arguments: ["out", "digest:"])
  func `Statistics that a method cannot take are refused by node and tensor, and nothing is left`(out: String) throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("v", [1, 2]), TestTensor("w", [1, 2, 3])])
      try scene.add("b", [TestTensor("v", [1, 2]), TestTensor("w", [-1, -2, -3])])
      let error = try failure(scene, text(out, node: #"{"op": "karcher", "models": ["a", "b"]}"#))
      #expect(error?.kind == .run)
      #expect(
        error?.diagnostics.first?.message
          == "node 'n': tensor 'w': model 2 is opposite to the mean, expected directions less far apart")
    }
  }

  @Test func `Numbers that are none pass where the pipeline lets them`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, 2, 3])])
      try scene.add("b", [TestTensor("w", [.nan, 2, .infinity])])
      try scene.run(text("out.safetensors", more: #""nan": "propagate", "#))
      let values = try #require(try scene.list("out.safetensors").first).values
      #expect(values[0].isNaN && values[1] == 2 && values[2] == .infinity)
    }
  }

  @Test func `An interrupted run says so and leaves nothing`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 42)
      for name in ["a", "b"] { try scene.add(name, large(&random)) }
      for out in ["out", "out.safetensors", "digest:"] {
        let error = try failure(scene, text(out)) { $1.interrupt() }
        #expect(error?.kind == .interrupted)
      }
      // In the middle, as soon as something has been read: what is finished by then is kept, and said to be.
      let plan = try scene.plan(text())
      let progress = WeirPipeline.Progress(plan)
      let error = #expect(throws: PipelineError.self) {
        _ = try plan.run(progress: progress) { progress.interrupt() }
      }
      #expect(error?.kind == .interrupted)
      let kept = progress.keptPlaces.isEmpty ? [] : [".out.weir-partial"]
      #expect(try scene.names() == kept + ["a", "b"])
    }
  }

  @Test(arguments: ReadPolicy.allCases)
  func `A truncated input is named, and nothing is left`(policy: ReadPolicy) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 43)
      for name in ["a", "b"] { try scene.add(name, large(&random)) }
      let error = try failure(scene, text(), RunOptions(threads: 2, readPolicy: policy)) { _, _ in
        try resizeFile(scene.path("b/model.safetensors"), to: 400_000)
      }
      #expect(error?.kind == .run)
      let message = try #require(error?.diagnostics.first?.message)
      #expect(message.contains("b/model.safetensors") && message.contains("has shrunk to 400000 bytes"), "\(message)")
    }
  }

  @Test func `An output that would replace an input is refused before anything is written`() throws {
    try withScene { scene in
      let tensors = [TestTensor("w", [1, 2])]
      for name in ["a", "b"] { try scene.add(name, tensors, config: "{}") }
      let before = try readFile(scene.path("a/model.safetensors"))
      try makeLink(scene.path("link"), to: "a")
      for out in ["a", "a/model.safetensors", "b/../a", "a/", "link/model.safetensors"] {
        let error = try failure(scene, text(out), RunOptions(threads: 2, overwrite: true))
        #expect(error?.kind == .request, "\(out)")
        let message = error?.description ?? ""
        #expect(message.contains("would write over the input"), "\(out): \(message)")
      }
      #expect(try readFile(scene.path("a/model.safetensors")) == before)
      #expect(try scene.names("a") == ["config.json", "model.safetensors"])
    }
  }

  @Test func `An output that exists is kept, unless it may be replaced`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, 2])])
      try scene.add("b", [TestTensor("w", [3, 4])])
      for out in ["out", "out.safetensors"] {
        try scene.run(text(out))
        let error = try failure(scene, text(out, node: #"{"op": "abs", "inputs": ["a"]}"#))
        #expect(error?.kind == .request)
        #expect(error?.description.contains("already exists") == true)
        #expect(try scene.list(out)[0].values == [2, 3])
        try scene.run(text(out, node: #"{"op": "abs", "inputs": ["b"]}"#), RunOptions(threads: 2, overwrite: true))
        #expect(try scene.list(out)[0].values == [3, 4])
      }
    }
  }

  @Test func `Of two runs into one output the second is refused while the first works`() throws {
    try withScene { scene in
      for name in ["a", "b"] { try scene.add(name, [TestTensor("w", [1, 2])]) }
      let plan = try scene.plan(text())
      let progress = WeirPipeline.Progress(plan)
      let first = try OutputRun(plan, output: 0, progress)
      let complaints = scene.complaints(text())
      #expect(complaints.first?.contains("another run is writing this output") == true)
      try first.write {}
      try first.commit()
      #expect(try scene.list("out")[0].values == [1, 2])
      #expect(scene.complaints(text()).first?.contains("already exists") == true)
      #expect(try scene.names() == ["a", "b", "out"])
    }
  }

  @Test func `A second output that cannot be made ends the run before the first is written`() throws {
    try withScene { scene in
      for name in ["a", "b"] { try scene.add(name, [TestTensor("w", [1, 2])]) }
      try writeFile(scene.path("taken"), "mine")
      let text = pipeline(["a", "b"], graph: [("n", Self.mean)], outputs: [("n", "out"), ("n", "taken")])
      let error = try failure(scene, text)
      #expect(error?.kind == .request)
      #expect(try scene.text("taken") == "mine")
    }
  }

  /// The room of the memory's own file system, where a file that is too large is refused at once.
  private static let sharedMemory: Int? = {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: "/dev/shm")
    let size = (attributes?[.systemSize] as? NSNumber)?.intValue ?? 0
    return size > 0 && size < 1 << 38 ? size : nil
  }()

  @Test(.enabled(if: sharedMemory != nil))
  func `A disk without room is said before anything is read, and nothing is left`() throws {
    try withScene { scene in
      let size = try #require(Self.sharedMemory)
      // A file of zeros without a block on the disk.
      let header = #"{"w":{"dtype":"F32","shape":[\#(size / 2)],"data_offsets":[0,\#(2 * size)]}}"#
      for name in ["a", "b"] {
        try makeFolder(scene.path(name))
        let path = scene.path("\(name)/model.safetensors")
        try writeFile(path, safetensorsBytes(header: header))
        try resizeFile(path, to: try readFile(path).count + 2 * size)
      }
      let name = "weir-test-\(UUID().uuidString)"
      for out in [name, "\(name).safetensors"] {
        let complaints = scene.complaints(text("/dev/shm/\(out)"))
        #expect(complaints.count == 1)
        #expect(complaints.first?.contains("needs") == true && complaints.first?.contains("free") == true)
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { $0.contains(name) }
      #expect(left == [])
    }
  }
}
