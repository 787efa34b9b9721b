import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Archives applied to another base than they were made from.
@Suite struct WrongBaseTests {
  private static let codecs = [
    #""codec": "ternary""#, #""codec": "ternary", "coding": "context", "density": 0.5"#, #""codec": "lossless""#,
    #""codec": "sparse""#, #""codec": "dense""#, #""codec": "lowrank", "rank": 2"#,
    #""codec": [{"for": "t[0137]*", "codec": "dense"}, {"codec": "lossless"}]"#,
    #""codec": [{"for": "t3*", "codec": "lossless"}, {"for": "t5*", "codec": "dense"}, {"codec": "ternary", "coding": "context"}]"#,
  ]

  private func model(_ random: inout SplitMix64) -> [TestTensor] {
    (0..<8).map { TestTensor("t\($0)", .bf16, [60, 51], random: &random) }
      + [TestTensor("wide", .f64, [3], random: &random)]
  }

  /// Writes a pair and other bases: from a tensor on, all numbers are others, or one bit is.
  private func prepare(_ scene: Scene) throws {
    var random = SplitMix64(seed: 91)
    let (base, tuned) = (model(&random), model(&random))
    try scene.add((base, tuned))
    for first in [0, 3, 7] {
      try scene.add("from\(first)", Array(base[..<first]) + Array(model(&random)[first...]))
      var flipped = base
      for place in first..<8 {
        var bytes = base[place].bytes
        bytes[bytes.count - 1] ^= 0x80
        flipped[place] = TestTensor(base[place].name, .bf16, [60, 51], bytes: bytes)
      }
      try scene.add("bit\(first)", flipped)
    }
  }

  private func refusal(_ scene: Scene, _ tensor: String, of base: String, advice: String = "--force") -> String {
    "\(scene.path("x.tv.safetensors")): tensor '\(tensor)' of '\(base)' differs from the base that the archive was made from"
  }

  @Test(arguments: codecs)
  func `The first tensor that differs is named, by any number of threads`(_ codec: String) throws {
    try withScene { scene in
      try prepare(scene)
      try scene.run(scene.compressText(codec))
      let names = try scene.names()
      for base in ["from0", "from3", "from7", "bit0", "bit3", "bit7"] {
        for threads in [1, 2, 8] {
          for out in ["out", "out.safetensors", "digest:"] {
            let text = scene.applyText(to: out, base: base)
            let found = scene.complaints(text, RunOptions(threads: threads))
            #expect(found.count == 1)
            let expected = refusal(scene, "t\(base.last ?? " ")", of: base)
            #expect(found.first?.hasPrefix(expected) == true, "\(found) with \(threads) threads")
            #expect(found.first?.contains("use that base") == true)
          }
        }
      }
      #expect(try scene.names() == names)
    }
  }

  @Test(arguments: codecs)
  func `A node over an archive with another base is refused alike`(_ codec: String) throws {
    try withScene { scene in
      try prepare(scene)
      try scene.run(scene.compressText(codec))
      let names = try scene.finishedNames()
      for (node, out) in [
        (#"{"op": "ties", "base": "other", "models": ["x"], "density": 0.5, "scope": "model"}"#, "out"),
        (#"{"op": "linear", "models": ["x", "tuned"]}"#, "out.safetensors"),
        (#"{"op": "slerp", "base": "other", "models": ["x"], "t": 0.5}"#, "digest:"),
        (#"{"op": "subtract", "inputs": ["x", "other"]}"#, "y.tv.safetensors"),
      ] {
        for threads in [1, 4] {
          var options = RunOptions(threads: threads)
          options.fresh = true
          let text = """
            {"weir": 1, "sources": {"tuned": "tuned", "other": "bit3", "x": {"archive": "x.tv.safetensors", "base": "other"}},
             "graph": {"n": \(node)},
             "outputs": [{"from": "n", "to": "\(out)"}]}
            """
          let found = scene.complaints(text, options)
          #expect(found.count == 1)
          #expect(found.first?.hasPrefix(refusal(scene, "t3", of: "other")) == true, "\(node): \(found)")
        }
      }
      #expect(try scene.finishedNames() == names)
    }
  }

  @Test(arguments: [#""codec": "dense""#, #""codec": "ternary""#])
  func `Where that is forced it is applied, and noted`(_ codec: String) throws {
    try withScene { scene in
      try prepare(scene)
      try scene.run(scene.compressText(codec))
      try scene.run(scene.applyText(to: "right"))
      var options = RunOptions(threads: 2)
      options.force = true
      let report = try scene.run(scene.applyText(base: "from3"), options)
      #expect(
        report.notes == [
          "5 tensors of the base differ from what the archive was made from; applied all the same"
        ])
      let (base, right, out) = (try scene.tensors("base"), try scene.tensors("right"), try scene.tensors("out"))
      let other = try scene.tensors("from3")
      #expect(out["t2"] == right["t2"])
      if codec.contains("dense") {
        let tuned = try scene.tensors("tuned")
        let expected = PlainDelta.applied(
          zip(try #require(tuned["t5"]).values, try #require(base["t5"]).values).map { Float($0) - Float($1) },
          to: try #require(other["t5"]).values, as: .bf16)
        #expect(out["t5"]?.bytes == expected)
      }
      let fine = try scene.run(scene.applyText(to: "fine"), options)
      #expect(fine.notes == [])
    }
  }

  @Test func `A forced exact archive says where its codec cannot do without its base`() throws {
    try withScene { scene in
      try prepare(scene)
      try scene.run(scene.compressText(#""codec": "lossless""#))
      var options = RunOptions(threads: 2)
      options.force = true
      let names = try scene.names()
      let found = scene.complaints(scene.applyText(base: "from3"), options)
      if !found.isEmpty {
        #expect(found.first?.hasPrefix(refusal(scene, "t3", of: "from3")) == true, "\(found)")
        #expect(found.first?.contains("which its codec cannot do without; use that base") == true, "\(found)")
        #expect(try scene.names() == names)
      }
    }
  }

  @Test func `A base of another shape or type, or without a tensor, is refused before anything is read`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 92)
      let pair = (
        base: [TestTensor("a", .bf16, [4, 6], random: &random), TestTensor("b", .f32, [5], random: &random)],
        tuned: [TestTensor("a", .bf16, [4, 6], random: &random), TestTensor("b", .f32, [5], random: &random)]
      )
      try scene.add(pair)
      try scene.add("turned", [TestTensor("a", .bf16, [6, 4], random: &random), pair.base[1]])
      try scene.add("cast", [TestTensor("a", .f16, [4, 6], random: &random), pair.base[1]])
      try scene.add("fewer", [pair.base[1]])
      for codec in [#""codec": "lossless""#, #""codec": "ternary""#] {
        try scene.run(scene.compressText(codec), RunOptions(threads: 1, overwrite: true))
        let prefix = "source 'x': \(scene.path("x.tv.safetensors")): tensor 'a': "
        let expected = ", expected BF16 [4, 6], as in the base that the archive was made from"
        var options = RunOptions(threads: 1)
        for force in [false, true] {
          options.force = force
          #expect(
            scene.complaints(scene.applyText(base: "turned"), options) == [
              prefix + "BF16 [6, 4] in the base" + expected
            ])
          #expect(
            scene.complaints(scene.applyText(base: "cast"), options) == [prefix + "F16 [4, 6] in the base" + expected])
          #expect(
            scene.complaints(scene.applyText(base: "fewer"), options)
              == [prefix + "a base that lacks it, expected the base that the archive was made from"])
        }
      }
    }
  }

  @Test func `An archive that is archived anew with another base is refused`() throws {
    try withScene { scene in
      try prepare(scene)
      try scene.run(scene.compressText(#""codec": "dense""#))
      for (from, more) in [("x", #", "base": "other", "codec": "ternary""#), ("x", #", "codec": "lossless""#)] {
        let text = """
          {"weir": 1, "sources": {"other": "bit3", "x": {"archive": "x.tv.safetensors", "base": "other"}},
           "outputs": [{"from": "\(from)", "to": "y.tv.safetensors"\(more)}]}
          """
        var options = RunOptions.test
        options.fresh = true
        let found = scene.complaints(text, options)
        #expect(found.first?.hasPrefix(refusal(scene, "t3", of: "other")) == true, "\(found)")
        #expect(try !scene.names().contains("y.tv.safetensors"))
      }
    }
  }
}
