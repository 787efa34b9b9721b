import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Archives of deltas, with a base and without one, and archives read without their base.
@Suite struct DeltaArchiveTests {
  /// A pipeline that archives what a node gives.
  private func text(
    _ graph: String, _ more: String, to name: String = "x.tv.safetensors", base: String? = nil, extra: String = ""
  ) -> String {
    let entry = base.map { #", "base": "\#($0)""# } ?? ""
    return """
      {"weir": 1, "sources": {"base": "base", "tuned": "tuned"\(extra)}, "graph": {\(graph)},
       "outputs": [{"from": "change", "to": "\(name)"\(entry), \(more)}]}
      """
  }

  @Test(arguments: CodecCase.lossy)
  func `A delta that a node gives is archived as that from a tuned model`(_ golden: CodecCase) throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 71)
      try scene.add(pair)
      try scene.run(text(Self.change, golden.text))
      try scene.run(scene.applyText(to: "out.safetensors"))
      let expected = LossyArchiveTests.expected(golden, pair)
      for tensor in try scene.list("out.safetensors") {
        #expect(tensor.bytes == expected[tensor.name], "\(tensor.name) of \(golden.testDescription)")
      }
    }
  }

  private static let change = #""change": {"op": "subtract", "inputs": ["tuned", "base"]}"#
  private static let half =
    #""whole": {"op": "subtract", "inputs": ["tuned", "base"]}, "change": {"op": "scale", "inputs": ["whole"], "factor": 0.5}"#

  /// Half the change, in plain Swift.
  private func halved(_ pair: (base: [TestTensor], tuned: [TestTensor])) -> PlainDelta {
    PlainDelta(
      PlainDelta(from: pair.base, to: pair.tuned).parts.map {
        PlainDelta.Part(name: $0.name, shape: $0.shape, values: $0.values.map { $0 * 0.5 })
      })
  }

  @Test(arguments: CodecCase.lossy.filter { !$0.text.contains("context") })
  func `A delta without a base is read as a delta, and as a weight with one`(_ golden: CodecCase) throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 72)
      try scene.add(pair)
      try scene.run(text(Self.half, golden.text + #", "exclude": ["wide"]"#))
      let archive = try Archive.open(scene.path("x.tv.safetensors"))
      #expect(archive.kind == .delta && archive.baseFingerprint == nil)
      try scene.run(scene.applyText(to: "delta.safetensors", base: nil, more: #", "dtype": "f32""#))
      try scene.run(scene.applyText(to: "out"))
      let delta = halved(pair)
      let prepared = Dictionary(zip(delta.parts, golden.prepared(delta)).map { ($0.name, $1) }) { first, _ in first }
      let found = try scene.tensors("delta.safetensors")
      #expect(found["wide"] == nil && found.count == pair.base.count - 1)
      for (name, values) in prepared {
        #expect(found[name]?.values == values.map(Double.init), "\(name) of \(golden.testDescription)")
      }
      for tensor in try scene.list("out") {
        let base = try #require(pair.base.first { $0.name == tensor.name })
        let tuned = try #require(pair.tuned.first { $0.name == tensor.name })
        let expected =
          prepared[tensor.name].map { PlainDelta.applied($0, to: base.values, as: tensor.dtype) }
          ?? (tensor.name == "wide" ? base.bytes : tuned.bytes)
        #expect(tensor.bytes == expected, "\(tensor.name) of \(golden.testDescription)")
      }
    }
  }

  @Test(arguments: CodecCase.lossy.filter { !$0.text.contains("context") && !$0.text.contains("auto") })
  func `The archive of a checkpoint read without its base is the change that it holds`(_ golden: CodecCase) throws {
    try withScene { scene in
      var pair = ArchiveModels.pair(seed: 73)
      pair.base.removeAll { $0.name == "wide" }
      pair.tuned.removeAll { $0.name == "wide" }
      try scene.add(pair)
      try scene.run(scene.compressText(golden.text + #", "exclude": ["l.1.*", "mask"]"#))
      for out in ["out", "out.safetensors"] {
        try scene.run(scene.applyText(to: out, base: nil, more: #", "dtype": "f32""#))
        let delta = PlainDelta(from: pair.base, to: pair.tuned)
        let kept = delta.only { !$0.hasPrefix("l.1.") }
        let prepared = Dictionary(zip(kept.parts, golden.prepared(kept)).map { ($0.name, $1) }) { first, _ in first }
        let found = try scene.tensors(out)
        #expect(found.keys.sorted() == (delta.parts.map(\.name) + ["steps"]).sorted())
        for part in delta.parts {
          let values = prepared[part.name] ?? Array(repeating: 0, count: part.values.count)
          #expect(found[part.name]?.values == values.map(Double.init), "\(part.name) of \(golden.testDescription)")
        }
      }
    }
  }

  @Test func `What only a base gives is refused without one`() throws {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 74))
      for (codec, tensor, found) in [
        (#""codec": "lossless""#, "embed.weight", "lossless"), (#""codec": "sparse""#, "embed.weight", "sparse"),
        (#""codec": "ternary", "coding": "context""#, "embed.weight", "ternary_context"),
        (#""codec": "ternary""#, "wide", "stored"),
      ] {
        try scene.run(scene.compressText(codec), RunOptions(threads: 2, overwrite: true))
        let archive = scene.path("x.tv.safetensors")
        #expect(
          scene.complaints(scene.applyText(base: nil)) == [
            "source 'x': \(archive): tensor '\(tensor)': codec '\(found)', which needs the base, expected a \"base\" beside \"archive\""
          ])
      }
    }
  }

  @Test func `A delta of which results would have to be kept is refused with what to do`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 75)
      try scene.add(pair)
      try scene.add(
        "other",
        pair.base.filter { $0.name != "l.0.w" && $0.name != "embed.weight" }
          + [TestTensor("embed.weight", .bf16, [36, 11], Array(repeating: 1, count: 36 * 11))])
      let advice =
        "would be kept as they come out, which takes a \"base\" that has them in the same shape; name one, take another "
        + "codec (no F64 tensor has one), or exclude them"
      #expect(
        scene.complaints(text(Self.half, #""codec": "dense""#))
          == ["output 1: 'wide' (F64) of the delta 'change' \(advice)"])
      let other = #", "other": "other""#
      #expect(
        scene.complaints(text(Self.half, #""codec": "lossless""#, base: "other", extra: other))
          == ["output 1: 'embed.weight' (BF16), 'l.0.w' (F32) of the delta 'change' \(advice)"])
      #expect(
        scene.complaints(text(Self.half, #""codec": "dense""#, base: "other", extra: other))
          == ["output 1: 'embed.weight' (BF16) of the delta 'change' \(advice)"])
    }
  }

  @Test func `A delta kept exactly over a base gives the base with the delta`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 76)
      try scene.add(pair)
      try scene.run(text(Self.half, #""codec": "lossless""#, base: "base"))
      try scene.run(scene.applyText())
      let delta = halved(pair)
      let changed = Dictionary(delta.parts.map { ($0.name, $0.values) }) { first, _ in first }
      for tensor in try scene.list("out") {
        let base = try #require(pair.base.first { $0.name == tensor.name })
        let tuned = try #require(pair.tuned.first { $0.name == tensor.name })
        var expected = changed[tensor.name].map { PlainDelta.applied($0, to: base.values, as: tensor.dtype) }
        if tensor.name == "wide" {
          expected = storedBytes(zip(base.values, tuned.values).map { $0 + ($1 - $0) * 0.5 }, as: .f64)
        }
        #expect(tensor.bytes == expected ?? tuned.bytes, "\(tensor.name)")
      }
    }
  }
}
