import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO
@testable import WeirPipeline

@Suite struct ManifestTests {
  private static let text = pipeline(
    ["a"], graph: [("n", #"{"op": "scale", "inputs": ["a"], "factor": 2}"#)], outputs: [("n", "out")])

  private func addModel(_ scene: Scene) throws {
    var random = SplitMix64(seed: 81)
    let tensors = [
      TestTensor("w", largeBF16: [600_000], random: &random), TestTensor("e", .bf16, [0], bytes: []),
      TestTensor("ids", .i64, [2], bytes: Array(0..<16)), TestTensor("norm", [1, 2, 3]),
    ]
    try scene.add("a", tensors, config: "{}")
  }

  private func verify(_ scene: Scene, _ name: String) throws -> Verification {
    let request = try VerifyRequest(scene.path(name), options: .test)
    return try request.run(progress: Progress(bytesToRead: request.bytesToRead))
  }

  @Test func `Every output has the hash of each of its tensors, in a folder and in a single file alike`() throws {
    try withScene { scene in
      try addModel(scene)
      try scene.run(Self.text)
      try scene.run(Self.text.replacing("\"out\"", with: "\"one.safetensors\""))
      var expected: [String: Hash128] = [:]
      for tensor in try scene.list("out") { expected[tensor.name] = TensorHasher.hash(of: tensor.bytes) }
      for name in ["out", "one.safetensors"] {
        let manifest = try #require(try Manifest.of(try Checkpoint.open(scene.path(name))))
        #expect(manifest.tensors == expected)
        let verification = try verify(scene, name)
        #expect(verification.isSound && verification.fingerprint == manifest.fingerprint)
        #expect(verification.text.hasSuffix("every hash is right, every number finite\n"))
      }
      let digest = try scene.run(Self.text.replacing("\"out\"", with: "\"digest:\"")).outputs[0].digest
      #expect(digest?.total == Fingerprint.of(expected.map { (name: $0.key, hash: $0.value) }))
    }
  }

  @Test(arguments: ["out", "one.safetensors"])
  func `A flipped bit is found, and its tensor named`(out: String) throws {
    try withScene { scene in
      try addModel(scene)
      try scene.run(Self.text.replacing("\"out\"", with: "\"\(out)\""))
      let checkpoint = try Checkpoint.open(scene.path(out))
      let path = checkpoint.files[0].path
      let whole = try readFile(path)
      for (tensor, location) in zip(checkpoint.catalogue.tensors, checkpoint.locations) where tensor.byteCount > 0 {
        for place in [location.bytes.lowerBound, location.bytes.upperBound - 1] {
          var bytes = whole
          bytes[place] ^= 1
          try writeFile(path, bytes)
          let verification = try verify(scene, out)
          #expect(verification.failures.map(\.tensor) == [tensor.name])
          #expect(verification.failures[0].message.contains("as when it was written"))
        }
      }
    }
  }

  @Test func `A manifest that disagrees with the files is told, tensor by tensor and file by file`() throws {
    try withScene { scene in
      try addModel(scene)
      try scene.run(Self.text)
      let path = scene.path("out/weir-manifest.json")
      let text = try scene.text("out/weir-manifest.json")
      let manifest = try Manifest.read(path)
      var tensors = manifest.tensors
      tensors["gone"] = tensors.removeValue(forKey: "norm")
      let files = [
        Manifest.File(name: "model.safetensors", byteCount: 1), Manifest.File(name: "other.safetensors", byteCount: 2),
      ]
      try writeFile(path, Manifest(tensors: tensors, files: files).json)
      let failures = try verify(scene, "out").failures
      #expect(failures.map(\.tensor) == [nil, nil, "norm", "gone"])
      let wrongs = [
        "{", "[]", text.replacing("\"weir_manifest\": 1", with: "\"weir_manifest\": 2"),
        text.replacing(manifest.fingerprint.description, with: String(repeating: "0", count: 32)),
        text.replacing("\"norm\": \"", with: "\"norm\": \"g"),
        text.replacing("model.safetensors", with: "../model.safetensors"),
        text.replacing("\"bytes\": ", with: "\"bytes\": -"),
      ]
      for wrong in wrongs {
        #expect(wrong != text)
        try writeFile(path, wrong)
        let verification = try verify(scene, "out")
        #expect(verification.failures.count == 1 && verification.fingerprint == nil, "\(wrong)")
      }
    }
  }

  @Test func `Hashes in a header that are too few or no digits are told`() throws {
    try withScene { scene in
      for value in ["", "00", String(repeating: "g", count: 32), String(repeating: "0", count: 33)] {
        let header =
          #"{"__metadata__":{"weir.hashes":"\#(value)"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
        try writeFile(scene.path("x.safetensors"), safetensorsBytes(header: header, data: [7]))
        #expect(try verify(scene, "x.safetensors").failures.count == 1, "\(value)")
      }
    }
  }

  @Test func `The SHA-256 of files is written down where that is asked for, and compared`() throws {
    try withScene { scene in
      try addModel(scene)
      var options = RunOptions.test
      options.hashesFiles = true
      let report = try scene.run(Self.text, options)
      let digits = try #require(report.outputs[0].sha256.first?.digits)
      #expect(report.sha256Text == "\(digits)  \(scene.path("out"))/model.safetensors\n")
      #expect(try Manifest.read(scene.path("out/weir-manifest.json")).files[0].sha256 == digits)
      #expect(try verify(scene, "out").isSound)
      // A byte of the header that says nothing is in no tensor's hash.
      let path = scene.path("out/model.safetensors")
      var bytes = try readFile(path)
      let space = try #require(bytes[..<4096].lastIndex(of: 0x20))
      bytes[space] = 0x0A
      try writeFile(path, bytes)
      let failures = try verify(scene, "out").failures
      #expect(failures.count == 1 && failures[0].message.contains("SHA-256"))
      #expect(
        try scene.run(Self.text.replacing("\"out\"", with: "\"one.safetensors\""), options).outputs[0].sha256.count == 1
      )
    }
  }

  @Test func `Overflow of F16 is counted by tensor, in one run or continued`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, 70_000, -70_000, 65_504]), TestTensor("v", [1, 65_520, 3, 4])])
      let text = Self.text.replacing("\"factor\": 2", with: "\"factor\": 1")
      let half = text.replacing("\"to\": \"out\"", with: "\"to\": \"out\", \"dtype\": \"f16\"")
      for _ in 0..<2 {
        let plan = try scene.plan(half)
        let run = try OutputRun(plan, output: 0, Progress(plan))
        try run.write {}
        #expect(run.report.nonFinite.map(\.tensor) == ["w", "v"])
        #expect(run.report.nonFinite.map(\.infinities) == [2, 1])
        #expect(
          run.notes == [
            "3 numbers too large for F16 became infinite in 2 tensors, the first 'w'; write bf16 or f32 to keep them"
          ])
        run.end()
      }
      #expect(try scene.run(text.replacing("\"out\"", with: "\"f32\"")).outputs[0].nonFinite.isEmpty)
    }
  }

  @Test func `What is let through is counted`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, .nan, .infinity, -.infinity]), TestTensor("v", [1, 2])])
      let report = try scene.run(Self.text.replacing("{\"weir\": 1,", with: "{\"weir\": 1, \"nan\": \"propagate\","))
      #expect(report.outputs[0].nonFinite.count == 1)
      #expect(report.outputs[0].nonFinite[0] == ("w", 1, 2))
      #expect(report.notes == ["let through: 1 NaN and 2 infinities in 1 tensor, the first 'w'"])
    }
  }
}
