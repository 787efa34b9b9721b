import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct PlanTests {
  private static let add = #"{"op": "add", "inputs": ["a", "d"]}"#

  /// A model of a few layers with embedding, norm and head, every number `value`.
  private func model(_ value: Double, layers: Int = 3, dtype: DType = .f32, head: Bool = true) -> [TestTensor] {
    var tensors = [TestTensor("embed.weight", dtype, [4, 2], Array(repeating: value, count: 8))]
    for layer in 0..<layers {
      tensors.append(TestTensor("model.layers.\(layer).mlp.w", dtype, [2], [value, value]))
      tensors.append(TestTensor("model.layers.\(layer).attn.w", dtype, [2], [value, value]))
    }
    tensors.append(TestTensor("norm.weight", dtype, [2], [value, value]))
    if head { tensors.append(TestTensor("lm_head.weight", dtype, [4, 2], Array(repeating: value, count: 8))) }
    return tensors
  }

  private func node(_ body: String, sources: [String] = ["base", "a", "b"], out: String = "out.safetensors") -> String {
    pipeline(sources, graph: [("n", "{\(body)}")], outputs: [("n", out)])
  }

  // MARK: - Numbers over layers and names

  @Test func `A ramp spreads over the layers, with its ends before and after them`() throws {
    try withScene { scene in
      try scene.add("a", model(1, layers: 5))
      try scene.run(node(#""op": "scale", "inputs": ["a"], "factor": {"ramp": [0, 1, 5]}"#, sources: ["a"]))
      let tensors = try scene.tensors("out.safetensors").mapValues { $0.values[0] }
      #expect((0..<5).map { tensors["model.layers.\($0).mlp.w"] } == [0, 0.5, 1, 3, 5])
      #expect(tensors["embed.weight"] == 0)
      #expect(tensors["norm.weight"] == 5)
      #expect(tensors["lm_head.weight"] == 5)
    }
  }

  @Test func `A ramp over one layer is its end`() throws {
    try withScene { scene in
      try scene.add("a", model(1, layers: 1))
      try scene.run(node(#""op": "scale", "inputs": ["a"], "factor": {"ramp": [2, 4]}"#, sources: ["a"]))
      #expect(try scene.tensors("out.safetensors")["model.layers.0.mlp.w"]?.values == [4, 4])
    }
  }

  @Test func `The first rule that matches a name holds`() throws {
    try withScene { scene in
      try scene.add("a", model(1))
      let rules = #"[{"for": "*.mlp.*", "ramp": [2, 4]}, {"for": "*.1.*", "value": 9}, {"value": 7}]"#
      try scene.run(node(#""op": "scale", "inputs": ["a"], "factor": \#(rules)"#, sources: ["a"]))
      let tensors = try scene.tensors("out.safetensors").mapValues { $0.values[0] }
      #expect((0..<3).map { tensors["model.layers.\($0).mlp.w"] } == [2, 3, 4])
      #expect((0..<3).map { tensors["model.layers.\($0).attn.w"] } == [7, 9, 7])
      #expect(tensors["norm.weight"] == 7)
    }
  }

  @Test func `A number that no rule gives is asked for`() throws {
    try withScene { scene in
      try scene.add("a", model(1))
      let complaints = scene.complaints(
        node(#""op": "scale", "inputs": ["a"], "factor": [{"for": "*.mlp.*", "value": 2}]"#, sources: ["a"]))
      #expect(complaints.count == 4)
      #expect(complaints.prefix(3).allSatisfy { $0.contains("no rule of 'factor' matches") })
    }
  }

  @Test func `A model's own number goes before the node's`() throws {
    try withScene { scene in
      try scene.add("base", model(0))
      try scene.add("a", model(1))
      try scene.add("b", model(10))
      try scene.run(
        node(#""op": "task_arithmetic", "base": "base", "models": ["a", {"from": "b", "weight": 0.5}], "weight": 3"#))
      #expect(try scene.tensors("out.safetensors")["norm.weight"]?.values == [8, 8])
    }
  }

  // MARK: - Which tensors

  @Test func `Tensors that are not included come from the base, byte for byte`() throws {
    try withScene { scene in
      // A NaN with a payload shows that no arithmetic is done.
      let odd = TestTensor("norm.weight", .bf16, [2], bytes: [0xA5, 0x7F, 0x01, 0x80])
      let base = model(1, dtype: .bf16).map { $0.name == odd.name ? odd : $0 }
      try scene.add("base", base)
      try scene.add("a", model(3, dtype: .bf16))
      let text = node(
        #""op": "lerp", "base": "base", "models": ["a"], "include": ["*.mlp.*", "*.attn.*"], "exclude": ["*.1.at*"]"#,
        sources: ["base", "a"])
      let plan = try scene.plan(text)
      let merged = base.map(\.name).filter { $0.contains("mlp") || ($0.contains("attn") && !$0.contains(".1.")) }
      #expect(plan.outputs[0].tensors.filter { !$0.isCopy }.map(\.info.name) == merged)
      try scene.run(text)
      for tensor in try scene.list("out.safetensors") {
        if merged.contains(tensor.name) {
          #expect(tensor.values == [2, 2])
        } else {
          #expect(tensor == base.first { $0.name == tensor.name })
        }
      }
    }
  }

  @Test func `Names change on nodes and on outputs, and the order stays`() throws {
    try withScene { scene in
      let base = model(1)
      try scene.add("base", base)
      try scene.add("a", model(3))
      let text = """
        {"weir": 1, "sources": {"base": "base", "a": "a"},
         "graph": {"n": {"op": "lerp", "base": "base", "models": ["a"],
           "rename": [{"from": "model.layers.*.mlp.*", "to": "m.*.ff.*"}, {"from": "model.*", "to": "x.*"}]}},
         "outputs": [{"from": "n", "to": "out.safetensors", "exclude": ["norm*"],
           "rename": [{"from": "m.*", "to": "lm.m.*"}]}]}
        """
      try scene.run(text)
      #expect(
        try scene.list("out.safetensors").map(\.name) == [
          "embed.weight", "lm.m.0.ff.w", "x.layers.0.attn.w", "lm.m.1.ff.w", "x.layers.1.attn.w", "lm.m.2.ff.w",
          "x.layers.2.attn.w", "lm_head.weight",
        ])
      #expect(try scene.list("out.safetensors").allSatisfy { $0.values[0] == 2 })
    }
  }

  @Test(arguments: ["node", "output"])
  func `Two tensors with one new name are refused`(place: String) throws {
    try withScene { scene in
      try scene.add("a", model(1))
      let rename = #", "rename": [{"from": "*.mlp.*", "to": "*.attn.*"}]"#
      let text = """
        {"weir": 1, "sources": {"a": "a"},
         "graph": {"n": {"op": "abs", "inputs": ["a"]\(place == "node" ? rename : "")}},
         "outputs": [{"from": "n", "to": "digest:"\(place == "output" ? rename : "")}]}
        """
      #expect(scene.complaints(text).first?.contains("get the name 'model.layers.0.attn.w'") == true)
    }
  }

  @Test func `An output of no tensors is refused`() throws {
    try withScene { scene in
      try scene.add("a", model(1))
      let text = """
        {"weir": 1, "sources": {"a": "a"}, "outputs": [{"from": "a", "to": "digest:", "include": ["nothing"]}]}
        """
      #expect(scene.complaints(text).first?.contains("no tensors") == true)
    }
  }

  // MARK: - Stacks

  @Test func `A stack numbers layers anew, and takes what stands outside from its ends`() throws {
    let config = """
      {"num_hidden_layers": 3, "torch_dtype": "float32", "layer_types": ["x", "y", "z"], "eos_token_id": [1, 2, 3]}
      """
    try withScene { scene in
      try scene.add("a", model(1), config: config)
      try scene.add("b", model(2))
      let parts = #"[{"from": "a", "layers": [1, 3]}, {"from": "b", "layers": [0, 2]}]"#
      try scene.run(node(#""op": "stack", "parts": \#(parts)"#, sources: ["a", "b"], out: "out"))
      let list = try scene.list("out")
      let layers = (0..<4).flatMap { ["model.layers.\($0).mlp.w", "model.layers.\($0).attn.w"] }
      #expect(list.map(\.name) == ["embed.weight"] + layers + ["norm.weight", "lm_head.weight"])
      #expect(list.map { $0.values[0] } == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2])
      let written = try scene.text("out/config.json").filter { !$0.isWhitespace }
      #expect(written.contains(#""num_hidden_layers":4"#))
      #expect(written.contains(#""layer_types":["y","z","x","y"]"#))
      #expect(written.contains(#""eos_token_id":[1,2,3]"#))
    }
  }

  @Test(arguments: [("[2, 4]", "[2, 4]"), ("[3, 4]", "[3, 4]")])
  func `Layers that a model has not are refused`(layers: String, found: String) throws {
    try withScene { scene in
      try scene.add("a", model(1))
      let complaints = scene.complaints(
        node(#""op": "stack", "parts": [{"from": "a", "layers": \#(layers)}]"#, sources: ["a"]))
      #expect(complaints.first?.contains("layers \(found) of 'a', expected a range within [0, 3]") == true)
    }
  }

  @Test func `A model without layers cannot be stacked`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1])])
      let complaints = scene.complaints(
        node(#""op": "stack", "parts": [{"from": "a", "layers": [0, 1]}]"#, sources: ["a"]))
      #expect(complaints.first?.contains("no numbered layers") == true)
    }
  }

  // MARK: - Where inputs differ

  @Test func `A tensor that one model lacks is an error, or merged from the others`() throws {
    try withScene { scene in
      try scene.add("base", model(0))
      try scene.add("a", model(1).filter { $0.name != "norm.weight" })
      try scene.add("b", model(4) + [TestTensor("extra", [9])])
      let body = #""op": "task_arithmetic", "base": "base", "models": ["a", "b"], "normalize": true"#
      let complaints = scene.complaints(node(body))
      #expect(complaints.count == 2)
      #expect(complaints.contains { $0.contains("'a' lacks 'norm.weight'") })
      #expect(complaints.contains { $0.contains("'base' lacks 'extra'") })
      try scene.run(node(body + #", "on_missing": "skip_model""#))
      let tensors = try scene.tensors("out.safetensors").mapValues { $0.values[0] }
      #expect(tensors["norm.weight"] == 4)
      #expect(tensors["embed.weight"] == 2.5)
      #expect(tensors["extra"] == 9)
    }
  }

  @Test func `A tensor of another shape is an error, or merged from the others`() throws {
    try withScene { scene in
      try scene.add("base", model(0))
      try scene.add("a", model(2))
      try scene.add("b", model(4).map { $0.name == "norm.weight" ? TestTensor("norm.weight", [1, 2, 3]) : $0 })
      let body = #""op": "task_arithmetic", "base": "base", "models": ["a", "b"], "normalize": true"#
      let complaints = scene.complaints(node(body))
      #expect(complaints.count == 1)
      #expect(complaints.first?.contains("has shape [2] in 'base' and [3] in 'b'") == true)
      try scene.run(node(body + #", "on_mismatch": "skip_model""#))
      let tensors = try scene.tensors("out.safetensors").mapValues { $0.values[0] }
      #expect(tensors["norm.weight"] == 2)
      #expect(tensors["embed.weight"] == 3)
    }
  }

  @Test func `A vocabulary of another size says what to exclude`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("model.embed_tokens.weight", .f32, [4, 2], Array(repeating: 1, count: 8))])
      try scene.add("b", [TestTensor("model.embed_tokens.weight", .f32, [5, 2], Array(repeating: 1, count: 10))])
      let complaints = scene.complaints(node(#""op": "linear", "models": ["a", "b"]"#, sources: ["a", "b"]))
      #expect(complaints.count == 1)
      #expect(
        complaints.first?.contains(
          "expected one vocabulary; bring all models to one with \"tokenizer\", or exclude the tensor") == true)
    }
  }

  @Test func `Vocabularies that disagree are refused where embeddings are merged`() throws {
    func tokenizer(_ words: [String]) -> String {
      let vocabulary = words.enumerated().map { #""\#($0.element)": \#($0.offset)"# }.joined(separator: ", ")
      return #"{"model": {"vocab": {\#(vocabulary)}}, "added_tokens": [{"id": 9, "content": "<s>"}]}"#
    }
    try withScene { scene in
      for (name, words) in [("a", ["x", "y", "z"]), ("b", ["x", "z", "y"]), ("c", ["x", "y", "z", "w"])] {
        try scene.add(name, [TestTensor("model.embed_tokens.weight", [1, 2]), TestTensor("w", [1])])
        try writeFile(scene.path("\(name)/tokenizer.json"), tokenizer(words))
      }
      let complaints = scene.complaints(node(#""op": "linear", "models": ["a", "b"]"#, sources: ["a", "b"]))
      #expect(complaints.count == 1)
      #expect(complaints.first?.contains("token 'y' is row 1 in 'a' and row 2 in 'b'") == true)
      // Where the embeddings are not merged, or the tokens that both know agree, nothing is said.
      #expect(
        scene.complaints(
          node(#""op": "linear", "models": ["a", "b"], "exclude": ["*embed*"]"#, sources: ["a", "b"], out: "digest:"))
          == [])
      #expect(
        scene.complaints(node(#""op": "linear", "models": ["a", "c"]"#, sources: ["a", "c"], out: "digest:")) == [])
    }
  }

  @Test func `A tied model may lack the head`() throws {
    let tied = #"{"tie_word_embeddings": true}"#
    try withScene { scene in
      try scene.add("base", model(1))
      try scene.add("a", model(3, head: false), config: tied)
      try scene.add("b", model(5))
      try scene.add("t", model(1, head: false), config: tied)
      let body = #""op": "task_arithmetic", "models": ["a", "b"], "normalize": true, "base": "#
      // From the model that has it; and a tied base takes none from the others.
      try scene.run(node(body + #""base""#))
      #expect(try scene.tensors("out.safetensors")["lm_head.weight"]?.values[0] == 5)
      try scene.run(node(body + #""t""#, sources: ["t", "a", "b"], out: "t.safetensors"))
      #expect(try scene.tensors("t.safetensors")["lm_head.weight"] == nil)
      #expect(try scene.tensors("t.safetensors")["embed.weight"]?.values[0] == 4)
      try scene.add("u", model(3, head: false))
      let untied = node(#""op": "lerp", "base": "base", "models": ["u"]"#, sources: ["base", "u"])
      #expect(scene.complaints(untied).count == 1)
    }
  }

  @Test func `The head of a tied model is its embedding`() throws {
    func model(_ value: Double, head: Double?) -> [TestTensor] {
      let rows = { TestTensor($0, .f32, [2, 2], Array(repeating: $1, count: 4)) }
      return [rows("model.embed_tokens.weight", value)] + (head.map { [rows("lm_head.weight", $0)] } ?? [])
    }
    let tied = #"{"tie_word_embeddings": true}"#
    try withScene { scene in
      try scene.add("a", model(1, head: 2))
      try scene.add("t", model(6, head: nil), config: tied)
      let body = #""op": "linear", "models": ["#
      try scene.run(node(body + #""a", "t"]"#, sources: ["a", "t"]))
      #expect(try scene.tensors("out.safetensors")["lm_head.weight"]?.values[0] == 4)
      #expect(try scene.tensors("out.safetensors")["model.embed_tokens.weight"]?.values[0] == 3.5)
      // A result that is tied has none.
      try scene.run(node(body + #""t", "a"]"#, sources: ["t", "a"], out: "t.safetensors"))
      #expect(try scene.tensors("t.safetensors").keys.sorted() == ["model.embed_tokens.weight"])
      // A method that needs both takes it, too.
      try scene.run(
        node(#""op": "lerp", "base": "a", "models": ["t"], "t": 1"#, sources: ["a", "t"], out: "l.safetensors"))
      #expect(try scene.tensors("l.safetensors")["lm_head.weight"]?.values[0] == 6)
    }
  }

  // MARK: - Types

  @Test func `An output has the base's types, or those that rules give, and integers stay`() throws {
    try withScene { scene in
      let counter = TestTensor("steps", .i64, [2], [7, -1])
      let flags = TestTensor("mask", .bool, [3], [1, 0, 1])
      let types: [DType] = [.f32, .bf16, .f16, .f64]
      func tensors(_ value: Double) -> [TestTensor] {
        [flags, counter] + types.map { TestTensor("w.\($0.rawValue)", $0, [2], [value, 1 + 0x1p-20]) }
      }
      try scene.add("base", tensors(1))
      try scene.add("a", types.map { TestTensor("w.\($0.rawValue)", .f64, [2], [2, 1]) } + [counter, flags])
      let body = #""op": "lerp", "base": "base", "models": ["a"], "t": 1"#
      try scene.run(node(body, sources: ["base", "a"]))
      #expect(try scene.list("out.safetensors").map(\.dtype) == [.bool, .i64] + types)
      #expect(try scene.tensors("out.safetensors")["steps"] == counter)
      #expect(try scene.tensors("out.safetensors")["mask"] == flags)
      for dtype in types { #expect(try scene.tensors("out.safetensors")["w.\(dtype.rawValue)"]?.values == [2, 1]) }
      let rules =
        #", "dtype": [{"for": "*BF16", "value": "f32"}, {"for": "*F16", "value": "same"}, {"value": "bf16"}]"#
      let text = pipeline(
        ["base", "a"], graph: [("n", "{\(body)}")], outputs: [("n", "o2.safetensors")], outputMore: rules)
      try scene.run(text)
      #expect(try scene.list("o2.safetensors").map(\.dtype) == [.bool, .i64, .bf16, .f32, .f16, .bf16])
    }
  }

  @Test func `A tensor that is only copied or cast is`() throws {
    try withScene { scene in
      let tensors = [
        TestTensor("a", .bf16, [2], [1, 2]), TestTensor("b", .f32, [2], [1, 0.1]), TestTensor("c", .i8, [1], [3]),
      ]
      try scene.add("a", tensors)
      let text = pipeline(
        ["a"], graph: [("n", #"{"op": "passthrough", "models": ["a"]}"#)], outputs: [("n", "out.safetensors")],
        outputMore: #", "dtype": "bf16""#)
      #expect(try scene.plan(text).outputs[0].tensors.map(\.isCopy) == [true, false, true])
      try scene.run(text)
      let cast = storedBytes([1, 0.1], as: .bf16)
      #expect(try scene.list("out.safetensors").map(\.bytes) == [tensors[0].bytes, cast, [3]])
    }
  }

  @Test func `A model of integers under a float's name is refused`() throws {
    try withScene { scene in
      try scene.add("base", [TestTensor("w", [1, 2])])
      try scene.add("a", [TestTensor("w", .i8, [2], [1, 2])])
      let complaints = scene.complaints(
        node(#""op": "lerp", "base": "base", "models": ["a"]"#, sources: ["base", "a"]))
      #expect(complaints.first?.contains("'w' is I8 in 'a', expected F64, F32, F16 or BF16") == true)
    }
  }

  @Test func `A quantised model is refused for arithmetic, and may be copied`() throws {
    let config = #"{"quantization_config": {"quant_method": "gptq"}}"#
    try withScene { scene in
      try scene.add("q", [TestTensor("w", .f16, [2], [1, 2])], config: config)
      try scene.add("a", [TestTensor("w", .f16, [2], [1, 2])])
      let complaints = scene.complaints(node(#""op": "linear", "models": ["a", "q"]"#, sources: ["a", "q"]))
      #expect(complaints.count == 1)
      #expect(complaints.first?.contains("'q' is quantised") == true)
      #expect(scene.complaints(#"{"weir": 1, "sources": {"q": "q"}, "outputs": [{"from": "q", "to": "copy"}]}"#) == [])
    }
  }

  // MARK: - Deltas

  @Test func `Deltas are taken as they are, with a base or without`() throws {
    try withScene { scene in
      try scene.add("base", model(1))
      try scene.add("d", model(0.5))
      try scene.add("a", model(2))
      func run(_ body: String) throws -> Double? {
        let text = pipeline(
          ["base", "a"], deltas: ["d"], graph: [("n", "{\(body)}")], outputs: [("n", "\(body.count).safetensors")])
        try scene.run(text)
        return try scene.tensors("\(body.count).safetensors")["norm.weight"]?.values[0]
      }
      #expect(try run(#""op": "task_arithmetic", "base": "base", "models": ["d", "a"], "lambda": 2"#) == 4)
      #expect(try run(#""op": "task_arithmetic", "models": ["d"]"#) == 0.5)
      #expect(try run(#""op": "negate", "base": "base", "models": ["d"]"#) == 0.5)
      #expect(try run(#""op": "add", "inputs": ["base", "d"]"#) == 1.5)
      #expect(try run(#""op": "subtract", "inputs": ["a", "d"]"#) == 1.5)
    }
  }

  // MARK: - The plan

  @Test func `A plan says how often it reads and how much it moves`() throws {
    try withScene { scene in
      let count = 1000
      let tensors = ["x", "y"].map { TestTensor($0, .bf16, [10, 100], Array(repeating: 1, count: count)) }
      for name in ["base", "a", "b"] { try scene.add(name, tensors + [TestTensor("i", .i32, [2], [1, 2])]) }
      func plan(_ body: String) throws -> Plan { try scene.plan(node(body)) }
      let linear = try plan(#""op": "linear", "models": ["base", "a", "b"]"#)
      #expect(linear.outputs[0].passes == 1)
      #expect(linear.bytesIn == 2 * 3 * 2 * count + 8)
      #expect(linear.outputs[0].layout.dataByteCount == 2 * 2 * count + 8)
      #expect(linear.bytesOut == linear.outputs[0].layout.fileByteCount)
      #expect(linear.workingSet <= RunOptions.standardMemory)
      let slerp = try plan(#""op": "slerp", "base": "a", "models": ["b"], "t": 0.5"#)
      #expect(slerp.outputs[0].tensors.map(\.passes) == [2, 2, 1])
      #expect(slerp.bytesIn == 2 * 2 * 2 * 2 * count + 8)
      let paper = try plan(
        #""op": "ties", "base": "base", "models": ["a", "b"], "density": 0.5, "variant": "paper""#)
      #expect(paper.outputs[0].modelSweeps == 2)
      #expect(paper.outputs[0].passes == 3)
      let copy = try plan(#""op": "linear", "models": ["a"]"#)
      #expect(copy.outputs[0].tensors.allSatisfy { $0.isCopy })
    }
  }

  @Test func `Everything that is wrong is said at once`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, 2]), TestTensor("v", [1])])
      try scene.add("b", [TestTensor("w", [1, 2, 3]), TestTensor("u", [1])])
      let complaints = scene.complaints(
        pipeline(
          ["a", "b"],
          graph: [
            ("m", #"{"op": "linear", "models": ["a", "b"]}"#), ("n", #"{"op": "lerp", "base": "b", "models": ["a"]}"#),
          ], outputs: [("m", "digest:"), ("n", "digest:x")]))
      #expect(complaints.count == 6)
      let average = #"{"op": "linear", "models": ["x", "y", "a"]}"#
      let missing = scene.complaints(
        pipeline(["x", "y", "a"], graph: [("n", average)], outputs: [("n", "o")]),
        RunOptions(memory: 1 << 20, threads: 0))
      #expect(missing.count == 4)
      #expect(missing.contains { $0.contains("source 'x'") } && missing.contains { $0.contains("source 'y'") })
      #expect(missing.contains { $0.contains("--memory") } && missing.contains { $0.contains("--threads") })
      #expect(try scene.names() == ["a", "b"])
    }
  }

  @Test func `Parameters that cannot be met are said for a few tensors and name the node`() throws {
    try withScene { scene in
      try scene.add("a", model(1))
      try scene.add("b", model(2))
      let models = #"[{"from": "a", "weight": 1}, {"from": "b", "weight": -1}]"#
      let complaints = scene.complaints(node(#""op": "linear", "models": \#(models)"#, sources: ["a", "b"]))
      #expect(complaints.count == 4)
      #expect(
        complaints.prefix(3).allSatisfy { $0.contains("node 'n': tensor") && $0.contains("the weights sum to 0") })
    }
  }

  @Test(arguments: [(1, 64), (8, 352)])
  func `What a run reserves stays within its memory`(threads: Int, memory: Int) throws {
    try withScene { scene in
      let tensors = [TestTensor("w", [1, 2, 3])]
      let names = (0..<16).map { "m\($0)" }
      for name in names { try scene.add(name, tensors) }
      let list = names.map { #""\#($0)""# }.joined(separator: ", ")
      let text = node(#""op": "mean", "inputs": [\#(list)]"#, sources: names)
      let plan = try scene.plan(text, RunOptions(memory: memory << 20, threads: threads))
      #expect(plan.workingSet <= memory << 20)
      let complaints = scene.complaints(text, RunOptions(memory: 16 << 20, threads: 64))
      #expect(complaints.first?.contains("raise --memory or lower --threads") == true)
    }
  }
}
