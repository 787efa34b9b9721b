import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct PublicationTests {
  private static let text = pipeline(
    ["a", "b"], graph: [("n", #"{"op": "mean", "inputs": ["a", "b"]}"#)],
    outputs: [("n", "out"), ("n", "one.safetensors"), ("n", "digest:")])

  /// A run that was ended before the rename number `count`, with or without the tidying after it.
  private func endCommit(_ scene: Scene, after count: Int, tidied: Bool) throws {
    let plan = try scene.plan(Self.text)
    let progress = Progress(plan)
    let runs = try plan.outputs.indices.map { try OutputRun(plan, output: $0, progress) }
    for run in runs { try run.write {} }
    let seals = try runs.map { try $0.seal() }
    for run in runs { try run.notePublishing(seals) }
    for run in runs[..<count] {
      let partial = scene.path(
        ".\(plan.outputs[0].finalPath == run.report.path ? "out" : "one.safetensors").weir-partial")
      if !tidied { try FileManager.default.copyItem(atPath: partial, toPath: partial + "-kept") }
      try run.commit()
      if !tidied { try FileManager.default.moveItem(atPath: partial + "-kept", toPath: partial) }
    }
    for run in runs[count...] { run.end() }
  }

  @Test(arguments: [0, 1, 2], [false, true])
  func `A run that was ended between renames is finished by the same command`(count: Int, tidied: Bool) throws {
    try withScene { scene in
      for name in ["a", "b"] { try scene.add(name, [TestTensor("w", [1, 2])], config: "{}") }
      try scene.run(Self.text)
      let expected = try ["out/model.safetensors", "out/weir-manifest.json", "one.safetensors"].map {
        try readFile(scene.path($0))
      }
      for name in ["out", "one.safetensors"] { try FileManager.default.removeItem(atPath: scene.path(name)) }
      try endCommit(scene, after: count, tidied: tidied)
      if count == 2, tidied {
        // Nothing is left to tell it from an output of any other run.
        #expect(scene.complaints(Self.text).first?.contains("already exists") == true)
        return
      }
      let report = try scene.run(Self.text)
      #expect(report.outputs.count == 3 && report.outputs[2].digest != nil)
      #expect(report.outputs[..<count].allSatisfy { $0.keptByteCount == $0.byteCount })
      #expect(try scene.names() == ["a", "b", "one.safetensors", "out"])
      let found = try ["out/model.safetensors", "out/weir-manifest.json", "one.safetensors"].map {
        try readFile(scene.path($0))
      }
      #expect(found == expected)
    }
  }

  @Test func `An output that is not the run's own is not taken for it`() throws {
    try withScene { scene in
      for name in ["a", "b"] { try scene.add(name, [TestTensor("w", [1, 2])], config: "{}") }
      try endCommit(scene, after: 1, tidied: false)
      try writeFile(scene.path("out/weir-manifest.json"), "{}")
      #expect(scene.complaints(Self.text).first?.contains("already exists") == true)
    }
  }
}
