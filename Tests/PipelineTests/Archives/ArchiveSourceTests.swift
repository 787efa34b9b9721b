import TestSupport
import Testing
import WeirIO
import WeirOps
import WeirTensors

@testable import WeirPipeline

/// Archives as sources of pipelines.
@Suite struct ArchiveSourceTests {
  /// Archives of the small models `m` and `n` over `base` and of the delta `d`, by codecs of every form, and the same
  /// changes as checkpoints of F32.
  private func prepare(_ scene: Scene, _ codecs: [String], deltas: Bool = true) throws {
    for (name, tensors) in Models.small { try scene.add(name, tensors.filter { $0.dtype != .f64 }) }
    let names = ["m", "n", "d"]
    for (name, codec) in zip(names, codecs) {
      let source = name == "d" ? #"{"path": "d", "space": "delta"}"# : #""\#(name)""#
      let base = name == "d" ? "" : #", "base": "base""#
      try scene.run(
        """
        {"weir": 1, "sources": {"base": "base", "\(name)": \(source)},
         "outputs": [{"from": "\(name)", "to": "\(name).tv.safetensors"\(base), \(codec)}]}
        """)
      guard deltas else { continue }
      try scene.run(
        scene.applyText("\(name).tv.safetensors", to: "\(name).delta", base: nil, more: #", "dtype": "f32""#))
    }
  }

  /// A pipeline of one node over archives.
  private func archived(_ node: MergeNode, to out: String) -> String {
    let sources = ["m", "n"].map { #""\#($0)": {"archive": "\#($0).tv.safetensors", "base": "base"}"# }
    return """
      {"weir": 1, "sources": {"base": "base", \(sources.joined(separator: ", ")), "d": {"archive": "d.tv.safetensors"}},
       "graph": {"x": \(node.text)},
       "outputs": [{"from": "x", "to": "\(out)", "dtype": "f32"}]}
      """
  }

  /// The same over checkpoints: of deltas where the node takes them, else of a base to which they are added.
  private func plain(_ node: MergeNode, to out: String) -> String {
    let takesDeltas = node.signature == .taskVectors && node.inputs.first == "base"
    let suffix = takesDeltas ? "" : ".delta"
    let sources = ["m", "n"].map { #""\#($0)\#(suffix)": {"path": "\#($0).delta", "space": "delta"}"# }
    let sums = ["m", "n"].map { #""\#($0)": {"op": "add", "inputs": ["base", "\#($0).delta"]}, "# }
    return """
      {"weir": 1,
       "sources": {"base": "base", \(sources.joined(separator: ", ")), "d": {"path": "d.delta", "space": "delta"}},
       "graph": {\(takesDeltas ? "" : sums.joined()) "x": \(node.text)},
       "outputs": [{"from": "x", "to": "\(out)", "dtype": "f32"}]}
      """
  }

  @Test(arguments: [
    [
      #""codec": "ternary", "density": 0.3"#, #""codec": "ternary", "density": 0.5, "scale_scope": "row""#,
      #""codec": "ternary", "density": 0.4, "scale": "mean""#,
    ],
    [#""codec": "dense""#, #""codec": "dare", "density": 0.5"#, #""codec": "sparse", "density": 0.5"#],
    [
      #""codec": "sign", "scale_scope": "row""#, #""codec": "seeded", "density": 0.5"#,
      #""codec": "lowrank", "rank": 2"#,
    ],
    [
      #""codec": "ternary", "density": 0.5, "coding": "plane""#,
      #""codec": [{"for": "layers.*", "codec": "sign"}, {"codec": "dense"}]"#, #""codec": "dense""#,
    ],
  ])
  func `Every operation takes archives as the changes that they hold`(_ codecs: [String]) throws {
    try withScene { scene in
      try prepare(scene, codecs)
      for (number, node) in MergeNode.all.enumerated() {
        try scene.run(archived(node, to: "a\(number).safetensors"))
        try scene.run(plain(node, to: "b\(number).safetensors"))
        let found = try scene.list("a\(number).safetensors")
        let expected = try scene.list("b\(number).safetensors")
        #expect(found.map(\.name) == expected.map(\.name))
        // Where a base is subtracted again, sums of checkpoints have been rounded, archives' have not.
        let isExact = node.signature == .taskVectors || !node.inputs.contains("base")
        for (found, expected) in zip(found, expected) where found.bytes != expected.bytes {
          let isNear = zip(found.values, expected.values).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }
          #expect(!isExact && isNear, "\(node.testDescription): \(found.name)")
        }
      }
    }
  }

  @Test func `Pipelines over archives give the same bytes, however they are cut`() throws {
    try withScene { scene in
      try prepare(
        scene,
        [
          #""codec": "ternary", "density": 0.3"#,
          #""codec": [{"for": "layers.0.*", "codec": "dare", "density": 0.5}, {"codec": "ternary", "coding": "context"}]"#,
          #""codec": "sign""#,
        ], deltas: false)
      let nodes = MergeNode.all.filter { ["ties", "linear", "dare_ties", "slerp", "task_arithmetic"].contains($0.op) }
      for node in nodes {
        let totals = try (RunCut.all + RunCut.fine).map { cut in
          var options = cut.options
          options.memory = max(options.memory, 256 << 20)
          return try scene.run(archived(node, to: "digest:"), options).outputs.first?.digest?.total
        }
        #expect(Set(totals).count == 1, "\(node.testDescription)")
      }
    }
  }

  @Test(arguments: CodecCase.lossy.filter { !$0.text.contains("context") })
  func `An archive less its base is the change that it holds, bit for bit`(_ golden: CodecCase) throws {
    try withScene { scene in
      var pair = ArchiveModels.pair(seed: 101)
      pair.base.removeAll { $0.name == "wide" }
      pair.tuned.removeAll { $0.name == "wide" }
      try scene.add(pair)
      try scene.run(scene.compressText(golden.text))
      try scene.run(
        """
        {"weir": 1, "sources": {"base": "base", "x": {"archive": "x.tv.safetensors", "base": "base"}},
         "graph": {"change": {"op": "subtract", "inputs": ["x", "base"]}},
         "outputs": [{"from": "change", "to": "change.safetensors", "dtype": "f32"}]}
        """)
      let delta = PlainDelta(from: pair.base, to: pair.tuned)
      let found = try scene.tensors("change.safetensors")
      for (part, values) in zip(delta.parts, golden.prepared(delta)) {
        #expect(found[part.name]?.values == values.map(Double.init), "\(part.name) of \(golden.testDescription)")
      }
    }
  }

  @Test(arguments: ExactArchiveTests.codecs)
  func `An exact archive is the model that it was made from, in any node`(_ codec: String) throws {
    try withScene { scene in
      for (name, tensors) in Models.small { try scene.add(name, tensors) }
      for name in ["m", "n"] {
        try scene.run(scene.compressText(codec, to: "\(name).tv.safetensors", from: name))
      }
      for node in MergeNode.all where node.inputs.allSatisfy({ $0 != "d" }) {
        let archives =
          #""m": {"archive": "m.tv.safetensors", "base": "base"}, "n": {"archive": "n.tv.safetensors", "base": "base"}"#
        let totals = try [
          archives, #""m": "m", "n": "n""#, #""m": "m", "n": {"archive": "n.tv.safetensors", "base": "base"}"#,
        ].map { sources in
          try scene.run(
            """
            {"weir": 1, "sources": {"base": "base", \(sources)}, "graph": {"x": \(node.text)},
             "outputs": [{"from": "x", "to": "digest:"}]}
            """
          ).outputs.first?.digest?.total
        }
        #expect(totals[0] == totals[1] && totals[2] == totals[1], "\(node.testDescription)")
      }
    }
  }

  // MARK: - Several archives

  @Test func `Eight ternary experts over one base are merged as eight deltas`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 102)
      func model() -> [TestTensor] {
        [TestTensor("a", largeBF16: [80, 70], random: &random), TestTensor("b", .f32, [33], random: &random)]
      }
      try scene.add("base", model())
      let names = (0..<8).map { "e\($0)" }
      for name in names {
        try scene.add(name, model())
        let text = scene.compressText(#""codec": "ternary", "density": 0.3"#, to: "\(name).tv.safetensors", from: name)
        try scene.run(text)
        try scene.run(
          scene.applyText("\(name).tv.safetensors", to: "\(name).delta", base: nil, more: #", "dtype": "f32""#))
      }
      let models = names.map { #"{"from": "\#($0)", "weight": 0.\#($0.dropFirst())5}"# }.joined(separator: ", ")
      for (op, more) in [
        ("ties", #", "density": 0.5"#), ("ties", #", "density": 1"#), ("ties", #", "density": 1, "normalize": false"#),
        ("ties", #", "density": 0.2, "scope": "model""#), ("dare_ties", #", "density": 0.5, "seed": 3"#),
        ("task_arithmetic", ""), ("magmax", ""),
      ] {
        let digests = try [
          names.map { #""\#($0)": {"archive": "\#($0).tv.safetensors", "base": "base"}"# },
          names.map { #""\#($0)": {"path": "\#($0).delta", "space": "delta"}"# },
          names.map { #""\#($0)": {"archive": "\#($0).tv.safetensors"}"# },
        ].map { sources in
          let weighted = op == "magmax" ? names.map { "\"\($0)\"" }.joined(separator: ", ") : models
          return try scene.run(
            """
            {"weir": 1, "sources": {"base": "base", \(sources.joined(separator: ", "))},
             "graph": {"x": {"op": "\(op)", "base": "base", "models": [\(weighted)]\(more)}},
             "outputs": [{"from": "x", "to": "digest:"}]}
            """
          ).outputs.first?.digest?.total
        }
        #expect(digests[0] == digests[1] && digests[2] == digests[1], "\(op)\(more)")
      }
    }
  }

  @Test func `Archives of different bases meet in one node`() throws {
    try withScene { scene in
      let first = ArchiveModels.pair(seed: 103)
      let second = ArchiveModels.pair(seed: 104)
      for (name, tensors) in [("b1", first.base), ("t1", first.tuned), ("b2", second.base), ("t2", second.tuned)] {
        try scene.add(name, tensors)
      }
      for codec in ExactArchiveTests.codecs + [#""codec": "ternary", "coding": "context""#] {
        for number in [1, 2] {
          let text = scene.compressText(
            codec, to: "x\(number).tv.safetensors", from: "t\(number)", base: "b\(number)")
          try scene.run(text, RunOptions(threads: 2, overwrite: true))
          try scene.run(
            scene.applyText(
              "x\(number).tv.safetensors", to: "a\(number)", base: "b\(number)", more: #", "dtype": "f32""#),
            RunOptions(threads: 2, overwrite: true))
        }
        let archives = (1...2).map { #""m\#($0)": {"archive": "x\#($0).tv.safetensors", "base": "b\#($0)"}"# }
        let plain = (1...2).map { #""m\#($0)": "\#(codec.contains("context") ? "a" : "t")\#($0)""# }
        let node = #"{"op": "linear", "models": [{"from": "m1", "weight": 0.25}, {"from": "m2", "weight": 0.75}]}"#
        let totals = try [archives, plain].map { sources in
          try scene.run(
            """
            {"weir": 1, "sources": {"b1": "b1", "b2": "b2", \(sources.joined(separator: ", "))}, "graph": {"x": \(node)},
             "outputs": [{"from": "x", "to": "digest:", "dtype": "f32"}]}
            """
          ).outputs.first?.digest?.total
        }
        if codec.contains("context") {
          // Sums that are written are rounded; it is enough that both bases are read.
          #expect(totals[0] != nil)
        } else {
          #expect(totals[0] == totals[1], "\(codec)")
        }
      }
    }
  }

  @Test func `One archive over two bases in one pipeline is decoded against each`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 105)
      try scene.add(pair)
      // A base that differs by a last bit here and there, so that an exact archive still decodes against it.
      let other = pair.base.map { tensor in
        var bytes = tensor.bytes
        for place in stride(from: 0, to: bytes.count, by: 2 * max(1, tensor.dtype.byteCount))
        where tensor.dtype.isMergeable {
          bytes[place] ^= 1
        }
        return TestTensor(tensor.name, tensor.dtype, tensor.shape, bytes: bytes)
      }
      try scene.add("other", other)
      try scene.run(scene.compressText(#""codec": "lossless", "exclude": ["wide"]"#))
      var options = RunOptions(threads: 1)
      options.force = true
      func run(_ sources: String, _ graph: String, _ from: [String]) throws -> [Hash128?] {
        let outputs = from.map { #"{"from": "\#($0)", "to": "digest:\#($0)"}"# }.joined(separator: ", ")
        let text = """
          {"weir": 1, "sources": {"base": "base", "other": "other", \(sources)}, "graph": {\(graph)}, "outputs": [\(outputs)]}
          """
        return try scene.run(text, options).outputs.map { $0.digest?.total }
      }
      let x = #""x": {"archive": "x.tv.safetensors", "base": "base"}"#
      let y = #""y": {"archive": "x.tv.safetensors", "base": "other"}"#
      // A node that is swept over the model in the same sweep as another.
      let node = { (name: String, base: String) in
        #""\#(name)n": {"op": "ties", "base": "\#(base)", "models": ["\#(name)"], "density": 0.5, "scope": "model"}"#
      }
      let sum = #""s": {"op": "linear", "models": ["xn", "yn"]}"#
      let both = try run("\(x), \(y)", "\(node("x", "base")), \(node("y", "other")), \(sum)", ["xn", "yn", "s"])
      let first = try run(x, node("x", "base"), ["xn"])
      let second = try run(y, node("y", "other"), ["yn"])
      #expect(both[0] == first[0] && both[1] == second[0])
      try scene.run(scene.applyText(to: "rx"), options)
      try scene.run(scene.applyText(to: "ry", base: "other"), options)
      let plain = try run(#""x": "rx", "y": "ry""#, "\(node("x", "base")), \(node("y", "other")), \(sum)", ["s"])
      #expect(both[2] == plain[0])
    }
  }

  // MARK: - Selections and places

  @Test func `Archives are renamed, filtered and stacked as the models that they give`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 106)
      try scene.add(pair)
      for codec in [#""codec": "lossless""#, #""codec": "ternary", "density": 0.4"#] {
        try scene.run(scene.compressText(codec), RunOptions(threads: 2, overwrite: true))
        try scene.run(scene.applyText(to: "model"), RunOptions(threads: 2, overwrite: true))
        let graphs = [
          #""n": {"op": "passthrough", "models": ["x"], "rename": [{"from": "l.0.*", "to": "k.0.*"}]}"#,
          #""n": {"op": "passthrough", "models": ["x"], "include": ["l.*"]}"#,
          #""n": {"op": "linear", "models": ["x", "base"], "exclude": ["l.1.*", "embed*"]}"#,
          #""n": {"op": "stack", "parts": [{"from": "x", "layers": [0, 1]}, {"from": "base", "layers": [0, 2]}, {"from": "x", "layers": [1, 2]}]}"#,
        ]
        for graph in graphs {
          for more in [
            "", #", "include": ["l.*", "k.*"]"#, #", "rename": [{"from": "embed.weight", "to": "e"}]"#,
            #", "dtype": "f16""#,
          ] {
            let found = try [#"{"archive": "x.tv.safetensors", "base": "base"}"#, #""model""#].map { source in
              try scene.run(
                """
                {"weir": 1, "sources": {"base": "base", "x": \(source)}, "graph": {\(graph)},
                 "outputs": [{"from": "n", "to": "out"\(more)}]}
                """, RunOptions(threads: 2, overwrite: true))
              return try scene.list("out")
            }
            #expect(found[0].map(\.name) == found[1].map(\.name))
            for (archived, plain) in zip(found[0], found[1]) where archived != plain {
              // Only where something else is computed with the sums does it matter that they were rounded to be written.
              let isNear = zip(archived.values, plain.values).allSatisfy { abs($0 - $1) <= 0.02 * max(1, abs($1)) }
              #expect(codec.contains("ternary") && isNear, "\(archived.name) of \(graph)\(more)")
            }
          }
        }
      }
    }
  }

  @Test func `An applied archive is cast and cut into shards where that is asked for`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 107)
      try scene.add("base", pair.base, config: #"{"torch_dtype": "float32"}"#)
      try scene.add("tuned", pair.tuned, config: #"{"torch_dtype": "float32", "tuned": true}"#)
      try scene.run(scene.compressText(#""codec": "lossless""#))
      try scene.run(scene.applyText(more: #", "dtype": "bf16", "shard_size": "1KB""#))
      #expect(try scene.names("out").count { $0.hasSuffix(".safetensors") } > 1)
      let config = try scene.text("out/config.json")
      #expect(config.contains("tuned") && config.contains("bfloat16"), "\(config)")
      for (tensor, tuned) in zip(
        try scene.list("out").sorted { $0.name < $1.name }, pair.tuned.sorted { $0.name < $1.name })
      {
        #expect(tensor.name == tuned.name)
        let expected = tuned.dtype.isMergeable ? storedBytes(tuned.values, as: .bf16) : tuned.bytes
        #expect(tensor.bytes == expected, "\(tensor.name)")
      }
      try scene.run(scene.applyText(to: "cut", more: #", "shard_size": "1KB""#))
      let cut = try scene.tensors("cut")
      for tensor in pair.tuned { #expect(cut[tensor.name] == tensor) }
    }
  }

  @Test func `An archive is archived anew, by another codec and over its base`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 108)
      try scene.add(pair)
      try scene.run(scene.compressText(#""codec": "lossless""#))
      func again(_ more: String, to name: String) -> String {
        """
        {"weir": 1, "sources": {"base": "base", "x": {"archive": "x.tv.safetensors", "base": "base"}},
         "outputs": [{"from": "x", "to": "\(name).tv.safetensors", \(more)}]}
        """
      }
      for golden in CodecCase.lossy {
        try scene.run(again(golden.text, to: "y"), RunOptions(threads: 2, overwrite: true))
        try scene.run(scene.applyText("y.tv.safetensors", to: "y"), RunOptions(threads: 2, overwrite: true))
        let expected = LossyArchiveTests.expected(golden, pair)
        for tensor in try scene.list("y") { #expect(tensor.bytes == expected[tensor.name], "\(tensor.name)") }
      }
      for codec in ExactArchiveTests.codecs {
        try scene.run(again(codec, to: "z"), RunOptions(threads: 2, overwrite: true))
        try scene.run(scene.applyText("z.tv.safetensors", to: "z"), RunOptions(threads: 2, overwrite: true))
        for tensor in try scene.list("z") { #expect(tensor == pair.tuned.first { $0.name == tensor.name }) }
      }
      // A ternary change that is archived densely is the same change.
      try scene.run(scene.compressText(#""codec": "ternary", "density": 0.3"#, to: "t.tv.safetensors"))
      try scene.run(
        """
        {"weir": 1, "sources": {"base": "base", "x": {"archive": "t.tv.safetensors", "base": "base"}},
         "outputs": [{"from": "x", "to": "u.tv.safetensors", "codec": "dense"}]}
        """)
      try scene.run(scene.applyText("t.tv.safetensors", to: "t"))
      try scene.run(scene.applyText("u.tv.safetensors", to: "u"))
      let (t, u) = (try scene.tensors("t"), try scene.tensors("u"))
      #expect(t == u)
    }
  }

  @Test func `A delta archive applied to a base leaves the tensors that it lacks`() throws {
    try withScene { scene in
      let pair = ArchiveModels.pair(seed: 109)
      try scene.add(pair)
      try scene.run(
        """
        {"weir": 1, "sources": {"base": "base", "tuned": "tuned"},
         "graph": {"change": {"op": "subtract", "inputs": ["tuned", "base"]}},
         "outputs": [{"from": "change", "to": "x.tv.safetensors", "codec": "lossless", "include": ["l.0.*"]}]}
        """)
      try scene.run(scene.applyText())
      for (tensor, (base, tuned)) in zip(try scene.list("out"), zip(pair.base, pair.tuned)) {
        if tensor.name.hasPrefix("l.0.") {
          let delta = zip(tuned.values, base.values).map { Float($0) - Float($1) }
          #expect(tensor.bytes == PlainDelta.applied(delta, to: base.values, as: base.dtype), "\(tensor.name)")
        } else {
          #expect(tensor == base)
        }
      }
    }
  }
}

extension MergeNode {
  fileprivate var signature: MethodDeclaration.Signature? { MethodRegistry.declaration(named: op)?.signature }
}
