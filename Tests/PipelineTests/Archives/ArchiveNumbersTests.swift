import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO
@testable import WeirPipeline

/// What of an archive's numbers is not finite: found by verifying, and counted where it is made.
@Suite struct ArchiveNumbersTests {
  private static let name = "x.tv.safetensors"

  private func verify(_ scene: Scene, base: String? = nil, threads: Int = 2) throws -> Verification {
    let request = try VerifyRequest(
      scene.path(Self.name), base: base.map(scene.path), options: RunOptions(threads: threads))
    let progress = Progress(bytesToRead: request.bytesToRead)
    let verification = try request.run(progress: progress)
    if verification.isSound { #expect(progress.bytesRead == request.bytesToRead) }
    return verification
  }

  /// A base and a model with one NaN and two infinities among many blocks, which are let through.
  private func addSpoilt(_ scene: Scene) throws {
    var random = SplitMix64(seed: 95)
    var base: [TestTensor] = []
    var tuned: [TestTensor] = []
    for (name, dtype, shape) in [
      ("big", DType.f32, [3, 400_000]), ("norm", .f32, [7]), ("half", .f16, [30, 5]), ("wide", .f64, [4]),
      ("sound", .bf16, [20, 4]),
    ] {
      let tensor = TestTensor(name, dtype, shape, random: &random)
      base.append(tensor)
      var values = tensor.values.map { $0 + random.signed() / 16 }
      if name == "big" { (values[700_001], values[1_100_000]) = (.nan, -.infinity) }
      if name == "half" { values[149] = .infinity }
      if name == "wide" { values[0] = .nan }
      tuned.append(TestTensor(name, dtype, shape, values))
    }
    try scene.add((base, tuned))
  }

  @Test(arguments: [1, 3])
  func `Numbers that are not finite are found in whatever an archive holds, and each tensor named`(threads: Int) throws
  {
    try withScene { scene in
      try addSpoilt(scene)
      try scene.run(scene.compressText(#""codec": "lossless""#))
      // Without the base only what is stored as it is can be looked at.
      let alone = try verify(scene, threads: threads)
      #expect(alone.failures.map(\.tensor) == ["wide"])
      #expect(alone.undecodedCount == 4)
      let whole = try verify(scene, base: "base", threads: threads)
      #expect(whole.undecodedCount == 0)
      #expect(
        whole.failures.map(\.message) == [
          "tensor 'big': 1 NaN and 1 infinity in 1200000 elements, the first at element 700001, expected finite numbers",
          "tensor 'half': 1 infinity in 150 elements, the first at element 149, expected finite numbers",
          "tensor 'wide': 1 NaN in 4 elements, the first at element 0, expected finite numbers",
        ])
      #expect(whole.text.hasSuffix("3 checks fail\n"))
    }
  }

  @Test(arguments: [#""codec": "dense""#, #""codec": "dense", "values": "bf16""#])
  func `A delta that is not finite is found without the base`(codec: String) throws {
    try withScene { scene in
      try scene.add("base", [TestTensor("w", [1, 2, 3]), TestTensor("v", [1, 2])])
      try scene.add("tuned", [TestTensor("w", [1, .infinity, 4]), TestTensor("v", [2, 3])])
      let text = scene.compressText(codec).replacing("{\"weir\": 1,", with: "{\"weir\": 1, \"nan\": \"propagate\",")
      try scene.run(text)
      let verification = try verify(scene)
      #expect(
        verification.failures.map(\.message) == [
          "tensor 'w': 1 infinity in 3 elements, the first at element 1, expected finite numbers"
        ])
      #expect(verification.undecodedCount == 0)
    }
  }

  @Test(arguments: CodecCase.lossy.map(\.text) + [#""codec": "lossless""#, #""codec": "lowrank", "rank": 2"#])
  func `Every codec is decoded by verifying, and of sound numbers nothing is said`(codec: String) throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 96))
      try scene.run(scene.compressText(codec))
      let whole = try verify(scene, base: "base")
      #expect(whole.isSound && whole.undecodedCount == 0, "\(whole.text)")
      #expect(whole.text.hasSuffix("every checksum is right, every number finite\n"))
      let alone = try verify(scene)
      let readsBase = try Archive.open(scene.path(Self.name)).tensors.count { $0.readsBase && $0.base != nil }
      #expect(alone.isSound && alone.undecodedCount == readsBase)
      let end =
        switch readsBase {
        case 0: "every checksum is right, every number finite\n"
        case alone.tensorCount:
          "every checksum is right; no number was looked at, for every tensor is coded by its base: give the base by --base\n"
        default: " finite; give the base by --base to look at the other \(readsBase)\n"
        }
      #expect(alone.text.hasSuffix(end), "\(alone.text)")
    }
  }

  @Test func `Another base than the archive's is told tensor by tensor, and nothing decoded against it`() throws {
    try withScene { scene in
      var (base, tuned) = ArchiveModels.pair(seed: 97)
      try scene.add((base, tuned))
      try scene.run(scene.compressText(#""codec": "lossless""#))
      for place in base.indices where ["embed.weight", "l.1.w"].contains(base[place].name) {
        let tensor = base[place]
        base[place] = TestTensor(
          tensor.name, tensor.dtype, tensor.shape, bytes: [tensor.bytes[0] ^ 1] + tensor.bytes.dropFirst())
      }
      try scene.add("other", base)
      let verification = try verify(scene, base: "other")
      #expect(verification.failures.map(\.tensor) == ["embed.weight", "l.1.w"])
      #expect(
        verification.failures.allSatisfy { $0.message.contains("differs from that which the archive was made from") })
      #expect(verification.undecodedCount == 2)
    }
  }

  @Test func `A base by headers alone another, and one beside a checkpoint, are refused`() throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 98))
      try scene.add("small", [TestTensor("w", [1])])
      try scene.run(scene.compressText(#""codec": "lossless""#))
      #expect(throws: PipelineError.self) { try verify(scene, base: "small") }
      let refusal = #expect(throws: PipelineError.self) {
        try VerifyRequest(scene.path("base"), base: scene.path("base"))
      }
      #expect(refusal?.kind == .request && refusal?.description.contains("is no archive") == true)
    }
  }

  @Test(arguments: [
    #""codec": "dense""#, #""codec": "sparse", "density": 0.9"#, #""codec": "lowrank", "rank": 1"#,
    #""codec": "ternary", "density": 1, "alpha": 1.5"#,
  ])
  func `Overflow of F16 in what an archive gives is counted by tensor, in one run or continued`(codec: String) throws {
    try withScene { scene in
      let large = (0..<12).map { $0 % 3 == 0 ? 65_000.0 : 1 }
      try scene.add(
        "base",
        [TestTensor("a", [1, 2]), TestTensor("v", .f16, [2, 2], [1, 2, 3, 4])]
          + [TestTensor("w", .f16, [4, 3], large), TestTensor("z", [3, 4])])
      // A change of 2000 takes 65,000 beyond the largest F16.
      let node = #"{"op": "add", "inputs": ["base", "change"]}"#
      try scene.add(
        "change",
        [TestTensor("a", [1, 1]), TestTensor("v", [1, 1, 1, 1], [2, 2])]
          + [TestTensor("w", .f32, [4, 3], Array(repeating: 2000, count: 12)), TestTensor("z", [1, 1])])
      let text = """
        {"weir": 1, "sources": {"base": "base", "change": {"path": "change", "space": "delta"}},
         "graph": {"n": \(node)},
         "outputs": [{"from": "n", "to": "\(Self.name)", "base": "base", \(codec)}]}
        """
      for attempt in 0..<2 {
        let plan = try scene.plan(text)
        let run = try OutputRun(plan, output: 0, Progress(plan))
        try run.write {}
        #expect(run.report.nonFinite.map(\.tensor) == ["w"], "attempt \(attempt)")
        #expect(run.report.nonFinite.map(\.infinities) == [4], "attempt \(attempt)")
        #expect(
          run.notes.contains(
            "4 numbers too large for F16 became infinite in 1 tensor, the first 'w'; applying the archive gives infinities there"
          ), "\(run.notes)")
        #expect((run.report.keptByteCount > 0) == (attempt > 0))
        run.end()
      }
      #expect(try scene.names().filter { !$0.hasPrefix(".") } == ["base", "change"])
    }
  }
}

extension TestTensor {
  /// F32 numbers of a shape.
  fileprivate init(_ name: String, _ values: [Double], _ shape: [Int]) { self.init(name, .f32, shape, values) }
}
