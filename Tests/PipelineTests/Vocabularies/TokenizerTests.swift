import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Models brought to one vocabulary.
@Suite struct TokenizerTests {
  private func text(_ tokenizer: String, sources: [String], from: String = "m", graph: String) -> String {
    let entries = sources.map { #""\#($0)": "\#($0)""# }.joined(separator: ", ")
    return #"""
      {"weir": 1, "tokenizer": \#(tokenizer), "sources": {\#(entries)}, "graph": {\#(graph)},
       "outputs": [{"from": "\#(from)", "to": "out", "dtype": "f32"}]}
      """#
  }

  private func rows(_ tensor: TestTensor?) -> [[Double]] {
    guard let tensor, tensor.shape.count == 2 else { return [] }
    return stride(from: 0, to: tensor.values.count, by: tensor.shape[1]).map {
      Array(tensor.values[$0..<$0 + tensor.shape[1]])
    }
  }

  private func isClose(_ a: [[Double]], _ b: [[Double]]) -> Bool {
    a.count == b.count && zip(a.joined(), b.joined()).allSatisfy { abs($0 - $1) < 1e-6 * max(1, abs($1)) }
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `Every model's rows are where and what the definition says`(_ seed: UInt64) throws {
    try withScene { scene in
      var random = SplitMix64(seed: seed)
      let columns = 1 + Int(random.next() % 5)
      var models = ["base", "b", "c"].map { PlainModel.random($0, columns: columns, &random) }
      if seed % 5 == 0 { models[2].head = nil }
      for model in models { try model.write(scene, dtype: seed % 2 == 0 ? .f32 : .bf16) }
      let isUnion = seed % 3 != 0
      let owner = isUnion ? 0 : Int(random.next() % 3)
      let multiple = seed % 4 == 0 ? 4 : nil
      var union = PlainUnion(models, owner: owner, isUnion: isUnion)
      var rules: [String] = []
      if seed % 7 == 0 {
        union.add("new")
        rules = [#"{"token": "new", "from": "b", "from_row": 1, "force": true}"#, #"{"token": "z", "zero": true}"#]
      }
      let height =
        multiple.map { (union.rowCount + $0 - 1) / $0 * $0 } ?? max(union.rowCount, models[owner].rowCount)
      let source = isUnion ? "union" : models[owner].name
      let tokenizer =
        #"{"source": "\#(source)""#
        + (multiple.map { #", "pad_to_multiple_of": \#($0)"# } ?? "")
        + (rules.isEmpty ? "" : #", "tokens": [\#(rules.joined(separator: ", "))]"#) + "}"
      // Each model by itself, beside one that reads all of them.
      for (number, model) in models.enumerated() {
        let pick = models.map { #"{"from": "\#($0.name)", "weight": \#($0.name == model.name ? 1 : 0)}"# }
        try scene.run(
          text(
            tokenizer, sources: models.map(\.name),
            graph:
              #""m": {"op": "linear", "models": [\#(pick.joined(separator: ", "))], "on_missing": "skip_model", "normalize": false}"#
          ).replacing(#""to": "out""#, with: #""to": "out\#(number)""#))
        let found = try scene.tensors("out\(number)")
        func ruled(_ tensor: (PlainModel) -> [[Double]]) -> [String: (row: [Double], isForced: Bool)] {
          rules.isEmpty
            ? [:]
            : ["new": (tensor(models[1])[1], true), "z": ([Double](repeating: 0, count: columns), false)]
        }
        let embeddings = union.rows(
          of: number, \.embedding, height: height, padsWithMean: multiple != nil, rules: ruled(\.embedding))
        #expect(isClose(rows(found["model.embed_tokens.weight"]), embeddings), "model \(number) of seed \(seed)")
        if seed % 5 != 0 {
          let heads = union.rows(
            of: number, { $0.head ?? [] }, height: height, padsWithMean: multiple != nil, rules: ruled { $0.head ?? [] }
          )
          #expect(isClose(rows(found["lm_head.weight"]), heads), "head of model \(number) of seed \(seed)")
        }
        #expect(found["model.norm.weight"]?.values == [1, 2])
        let made = try JSON.parse(try readFile(scene.path("out\(number)/tokenizer.json")))
        var tokens: [String: Int] = [:]
        for member in made["model"]?["vocab"]?.object ?? [] { tokens[member.key] = member.value.int }
        for entry in made["added_tokens"]?.array ?? [] { tokens[entry["content"]?.string ?? ""] = entry["id"]?.int }
        #expect(tokens == union.tokens)
        #expect(try JSON.parse(try readFile(scene.path("out\(number)/config.json")))["vocab_size"]?.int == height)
      }
    }
  }

  @Test func `The example of the definition holds`() throws {
    try withScene { scene in
      let one = PlainModel(
        name: "base", plain: ["a": 0, "b": 1], added: [:], rowCount: 2, embedding: [[1], [2]], head: nil)
      let two = PlainModel(
        name: "b", plain: ["b": 0, "c": 1], added: [:], rowCount: 2, embedding: [[3], [4]], head: nil)
      try one.write(scene)
      try two.write(scene)
      try scene.run(
        text(
          #""union""#, sources: ["base", "b"],
          graph: #""m": {"op": "task_arithmetic", "base": "base", "models": ["b"]}"#))
      // a from base, b its own, c from b.
      #expect(try scene.tensors("out")["model.embed_tokens.weight"]?.values == [1, 3, 4])
    }
  }

  @Test func `Rows of any type keep their bits, and bytes depend on no thread and no tile`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 21)
      let count = 3000
      for (number, name) in ["base", "b"].enumerated() {
        try scene.add(
          name, [TestTensor("model.embed_tokens.weight", largeBF16: [count, 100], random: &random)],
          config: #"{"vocab_size": 3000}"#)
        let tokens = (0..<count).map {
          "\"t\(($0 * (number == 0 ? 1 : 1009) + 500 * number) % count + 500 * number)\": \($0)"
        }
        try writeFile(
          scene.path("\(name)/tokenizer.json"),
          #"{"model": {"type": "BPE", "vocab": {\#(tokens.joined(separator: ", "))}}}"#)
      }
      let union = text(
        #"{"source": "union", "pad_to_multiple_of": 64}"#, sources: ["base", "b"],
        graph: #""m": {"op": "ties", "base": "base", "models": ["b"], "density": 0.4}"#
      ).replacing(#""to": "out", "dtype": "f32""#, with: #""to": "digest:""#)
      var digests: Set<String> = []
      for (threads, tile) in [(1, 4096), (2, 512), (5, 1024)] {
        var options = RunOptions(memory: 352 << 20, threads: threads)
        options.tileLength = tile
        digests.insert("\(try #require(try scene.run(union, options).outputs[0].digest))")
      }
      #expect(digests.count == 1)
      // Copied as they are.
      let copy = text(#""b""#, sources: ["base", "b"], from: "base", graph: "").replacing(
        #""dtype": "f32""#, with: #""dtype": "same""#)
      try scene.run(copy)
      let made = try #require(try scene.tensors("out")["model.embed_tokens.weight"])
      let own = try #require(try scene.tensors("base")["model.embed_tokens.weight"])
      let base = VocabularyCheck.tokens(try readFile(scene.path("base/tokenizer.json")))
      for (token, row) in VocabularyCheck.tokens(try readFile(scene.path("b/tokenizer.json"))) {
        guard let source = base[token] else { continue }
        #expect(made.bytes[row * 200..<row * 200 + 200] == own.bytes[source * 200..<source * 200 + 200])
      }
    }
  }

  @Test func `The output has the tokenizer of the source that is named, and ids in configs follow it`() throws {
    try withScene { scene in
      let one = PlainModel(
        name: "base", plain: ["a": 0, "b": 1], added: ["<s>": 2], rowCount: 3, embedding: [[1], [2], [3]], head: nil)
      let two = PlainModel(
        name: "b", plain: ["b": 1], added: ["<s>": 0], rowCount: 2, embedding: [[3], [4]], head: nil)
      try one.write(
        scene,
        config: #"{"vocab_size": 3, "eos_token_id": [2, 0], "text_config": {"vocab_size": 3, "bos_token_id": 2}}"#)
      try two.write(scene)
      try writeFile(scene.path("base/generation_config.json"), #"{"eos_token_id": 2, "pad_token_id": null}"#)
      try writeFile(scene.path("base/merges.txt"), "base's")
      try writeFile(scene.path("b/merges.txt"), "b's")
      let report = try scene.run(
        text(
          #""b""#, sources: ["base", "b"], graph: #""m": {"op": "task_arithmetic", "base": "base", "models": ["b"]}"#))
      let config = try JSON.parse(try readFile(scene.path("out/config.json")))
      #expect(config["vocab_size"]?.int == 2 && config["text_config"]?["vocab_size"]?.int == 2)
      #expect(config["eos_token_id"]?.array?.compactMap(\.int) == [0, 0])
      #expect(config["text_config"]?["bos_token_id"]?.int == 0)
      #expect(report.notes.contains { $0.contains("'eos_token_id' is 0, a token that the new vocabulary lacks") })
      #expect(try JSON.parse(try readFile(scene.path("out/generation_config.json")))["eos_token_id"]?.int == 0)
      #expect(try scene.text("out/merges.txt") == "b's")
      #expect(try scene.text("out/tokenizer.json") == scene.text("b/tokenizer.json"))
    }
  }

  // MARK: - Refusals

  private func complaints(
    _ tokenizer: String, _ change: (Scene) throws -> Void = { _ in }, output: String = "out",
    sources: String = #""base": "base", "b": "b""#
  ) throws -> [String] {
    try withScene { scene in
      var random = SplitMix64(seed: 5)
      for name in ["base", "b"] { try PlainModel.random(name, columns: 2, &random).write(scene) }
      try change(scene)
      return scene.complaints(
        #"""
        {"weir": 1, "tokenizer": \#(tokenizer), "sources": {\#(sources)},
         "graph": {"m": {"op": "task_arithmetic", "base": "base", "models": ["b"]}},
         "outputs": [{"from": "m", "to": "\#(output)"}]}
        """#)
    }
  }

  @Test func `What cannot be brought to one vocabulary is refused by name`() throws {
    func expect(_ found: [String], _ text: String) { #expect(found.first?.contains(text) == true, "\(found)") }
    expect(try complaints(#""c""#), "'tokenizer' names 'c', which is no source, expected one from 'sources'")
    expect(
      try complaints(#""union""#, output: #"x.tv.safetensors", "base": "base"#),
      "output 1 is an archive, which cannot apply to a base of another vocabulary")
    expect(
      try complaints(#"{"tokens": [{"token": "x", "from": "b"}]}"#),
      "the rule for token 'x' names 'x' of 'b', which has")
    expect(
      try complaints(#"{"tokens": [{"token": "x", "from": "b", "from_row": 99}]}"#), "names row 99 of 'b', which has")
    expect(
      try complaints(#""union""#) { try removeFile($0.path("b/tokenizer.json")) },
      "'b' has no tokenizer.json and no vocab.json, expected one of them beside its weights")
    expect(
      try complaints(#""union""#) { scene in
        try removeFile(scene.path("b/tokenizer.json"))
        try writeFile(scene.path("b/tokenizer.model"), "x")
      }, "the tokens stand in 'tokenizer.model' alone")
    expect(
      try complaints(#""union""#) { scene in
        try removeFile(scene.path("base/tokenizer.json"))
        try writeFile(scene.path("base/vocab.json"), #"{"a": 0}"#)
      }, "tokens are added to those of 'base', which has no tokenizer.json")
    expect(
      try complaints(#""union""#) { scene in
        var random = SplitMix64(seed: 6)
        try removeFile(scene.path("b"))
        try PlainModel.random("b", columns: 3, &random).write(scene)
      }, "tensor 'model.embed_tokens.weight' has rows of 3 elements in 'b' and of another number in 'base'")
    let delta = try complaints(
      #""union""#, sources: #""base": "base", "b": {"path": "b", "space": "delta"}"#)
    expect(delta, "'b' is a change with a row per token")
  }

  @Test func `Without an instruction, the error names the remedy`() throws {
    try withScene { scene in
      let one = PlainModel(
        name: "base", plain: ["a": 0, "b": 1], added: [:], rowCount: 2, embedding: [[1], [2]], head: nil)
      let two = PlainModel(
        name: "b", plain: ["b": 0, "a": 1], added: [:], rowCount: 2, embedding: [[3], [4]], head: nil)
      try one.write(scene)
      try two.write(scene)
      let told = scene.complaints(
        #"{"weir": 1, "sources": {"base": "base", "b": "b"}, "graph": {"m": {"op": "linear", "models": [{"from": "base", "weight": 1}, {"from": "b", "weight": 1}]}}, "outputs": [{"from": "m", "to": "out"}]}"#
      )
      #expect(told.count == 1 && told[0].contains("bring all models to one with \"tokenizer\", or \"exclude\""))
    }
  }

  @Test func `An adapter's source takes part with its base's tokens, and one that changes the embedding is refused`()
    throws
  {
    try withScene { scene in
      var random = SplitMix64(seed: 8)
      for name in ["base", "b"] { try PlainModel.random(name, columns: 2, &random).write(scene) }
      let text = #"""
        {"weir": 1, "tokenizer": "union", "sources": {"base": "base", "b": "b", "x": {"adapter": "x", "base": "b"}},
         "graph": {"m": {"op": "task_arithmetic", "base": "base", "models": ["x"]}}, "outputs": [{"from": "m", "to": "out"}]}
        """#
      var adapter = PlainAdapter(config: #""modules_to_save": ["norm"]"#)
      adapter.wholes = [TestTensor("base_model.model.model.norm.weight", .f32, [2], [5, 6])]
      try adapter.write(scene, "x")
      try scene.run(text)
      #expect(try scene.tensors("out")["model.norm.weight"]?.values == [5, 6])
      let rows = try #require(try scene.tensors("b")["model.embed_tokens.weight"]?.shape[0])
      try PlainAdapter(
        config: #""r": 1"#,
        wholes: [
          TestTensor(
            "base_model.model.model.embed_tokens.lora_embedding_A", .f32, [1, rows], [Double](repeating: 1, count: rows)
          ),
          TestTensor("base_model.model.model.embed_tokens.lora_embedding_B", .f32, [2, 1], [1, 1]),
        ]
      ).write(scene, "y")
      let told = scene.complaints(
        text.replacing(#""adapter": "x""#, with: #""adapter": "y""#).replacing(#""to": "out""#, with: #""to": "out2""#))
      #expect(told.count == 1 && told[0].contains("is not stored as it is, expected plain weights"), "\(told)")
    }
  }
}

private func removeFile(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
