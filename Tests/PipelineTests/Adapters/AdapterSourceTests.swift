import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Adapters as sources: what they give with and without a base, whatever their config says.
@Suite struct AdapterSourceTests {
  private static let withBase =
    #"{"weir": 1, "sources": {"base": "base", "x": {"adapter": "adapter", "base": "base"}}, "#

  private func text(_ from: String = "x", graph: String = "", dtype: String = "f32") -> String {
    Self.withBase + #""graph": {\#(graph)}, "outputs": [{"from": "\#(from)", "to": "out", "dtype": "\#(dtype)"}]}"#
  }

  private func expectClose(
    _ found: [Double], _ expected: [Double], within tolerance: Double = 2e-6, _ comment: String = ""
  ) {
    #expect(found.count == expected.count)
    // A product is summed in another order than here, in Float32.
    for (place, (a, b)) in zip(found, expected).enumerated() where abs(a - b) > tolerance * max(1, abs(b)) {
      Issue.record("\(comment) element \(place) is \(a), expected \(b)")
      return
    }
  }

  private static let weight: [Double] = [1, 2, 3, 0, 1, 0, 1, 0, 1, 2, 0, 0]
  private static let example = PlainAdapter.Module(
    name: "q", out: 4, into: 3, rank: 2, scale: 2, a: [1, 0, 1, 0, 2, 0], b: [1, 0, 0, 1, 1, 1, 0, 0])

  private func run(_ adapter: PlainAdapter, _ base: [TestTensor], _ text: String) throws -> [String: [Double]] {
    try withScene { scene in
      try scene.add("base", base)
      try adapter.write(scene, "adapter")
      try scene.run(text)
      return try scene.tensors("out").mapValues(\.values)
    }
  }

  // MARK: - Vectors

  @Test func `The published vectors of LoRA, rsLoRA and DoRA hold`() throws {
    let base = [TestTensor("q.weight", .f32, [4, 3], Self.weight)]
    var adapter = PlainAdapter(modules: [Self.example], config: #""r": 2, "lora_alpha": 4"#)
    #expect(try run(adapter, base, text())["q.weight"] == [3, 2, 5, 0, 5, 0, 3, 4, 3, 2, 0, 0])
    adapter.config += #", "use_rslora": true"#
    let rooted = try #require(try run(adapter, base, text())["q.weight"])
    expectClose(Array(rooted.prefix(3)), [3.828427, 2, 5.828427])
    adapter.modules[0].magnitude = [4, 3, 6, 2]
    adapter.config = #""r": 2, "lora_alpha": 4, "use_dora": true"#
    let turned = try #require(try run(adapter, base, text())["q.weight"])
    expectClose(Array(turned.prefix(3)), [1.946657, 1.297771, 3.244428])
    expectClose(Array(turned[6..<9]), [3.086975, 4.115966, 3.086975])
  }

  // MARK: - Properties

  @Test(arguments: [DType.f32, .f16, .bf16, .f64], [1, 2, 3, 4, 5] as [UInt64])
  func `Every kind of module and every flag gives what its definition says`(_ dtype: DType, _ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    func size() -> Int { 1 + Int(random.next() % 40) }
    let hasMagnitudes = seed % 2 == 0
    let isRooted = random.next() % 2 == 0
    var adapter = PlainAdapter(dtype: dtype)
    var base: [TestTensor] = []
    var (ranks, alphas): ([String], [String]) = ([], [])
    let isTurned = random.next() % 2 == 0
    let kinds: [PlainAdapter.Module.Kind] =
      [.linear, .embedding] + (isTurned ? [.transposed] : []) + (hasMagnitudes ? [] : [.convolution])
    for layer in 0..<6 {
      let kind = kinds[layer % kinds.count]
      let rank = 1 + Int(random.next() % 9)
      let alpha = Double(1 + random.next() % 32)
      let name = "model.layers.\(layer).\(kind)"
      ranks.append(#""layers\\.\#(layer)\\.[a-z]+": \#(rank)"#)
      alphas.append(#""^model.layers.\#(layer).\#(kind)": \#(alpha)"#)
      // Of a matrix that is not square its shape tells how it is stored; the config does of one that is.
      let side = size()
      var module = PlainAdapter.Module(
        name: name, kind: kind, out: side, into: layer < 3 ? side : size(),
        kernel: kind == .convolution ? [Int(1 + random.next() % 3), 2] : [], rank: rank,
        scale: alpha / (isRooted ? Double(rank).squareRoot() : Double(rank)))
      if kind == .linear, isTurned, module.out == module.into { module.kind = .transposed }
      if hasMagnitudes { module.magnitude = (0..<module.out).map { _ in Double(1 + random.next() % 8) / 4 } }
      if kind == .linear { module.bias = (0..<module.out).map { _ in Double(random.next() % 8) / 4 } }
      adapter.add(module, random: &random)
      let shape =
        [.embedding, .transposed].contains(module.kind)
        ? [module.into, module.out] : [module.out, module.into] + module.kernel
      base.append(TestTensor("\(name).weight", .f32, shape, random: &random))
      if module.bias != nil { base.append(TestTensor("\(name).bias", .f32, [module.out], random: &random)) }
    }
    base.append(TestTensor("norm.weight", .f32, [5], random: &random))
    adapter.wholes = [TestTensor("base_model.model.norm.weight", dtype, [5], [1, 2, 3, 4, 5])]
    adapter.config = """
      "r": 1, "lora_alpha": 1, "rank_pattern": {\(ranks.joined(separator: ", "))},
      "alpha_pattern": {\(alphas.joined(separator: ", "))}, "use_rslora": \(isRooted), "use_dora": \(hasMagnitudes),
      "fan_in_fan_out": \(isTurned), "bias": "none", "modules_to_save": ["norm"]
      """
    let found = try run(adapter, base, text())
    for module in adapter.modules {
      let weight = try #require(base.first { $0.name == "\(module.name).weight" }).values
      let expected = PlainAdapter.applied(module, to: weight)
      expectClose(
        try #require(found["\(module.name).weight"]), expected, within: 1e-5, "\(module.name) of seed \(seed)")
      guard let bias = module.bias, let own = base.first(where: { $0.name == "\(module.name).bias" }) else { continue }
      expectClose(try #require(found["\(module.name).bias"]), zip(own.values, bias).map { $0 + module.scale * $1 })
    }
    #expect(found["norm.weight"] == [1, 2, 3, 4, 5])
  }

  @Test func `Less its own base, an adapter gives its change untouched, as it does without a base`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 9)
      var adapter = PlainAdapter(config: #""r": 3, "lora_alpha": 5"#)
      adapter.add(PlainAdapter.Module(name: "q", out: 37, into: 29, rank: 3, scale: 5.0 / 3), random: &random)
      try adapter.write(scene, "adapter")
      // Next to such weights a change would be lost.
      try scene.add("base", [TestTensor("q.weight", .bf16, [37, 29], [Double](repeating: 4096, count: 37 * 29))])
      try scene.run(text("change", graph: #""change": {"op": "subtract", "inputs": ["x", "base"]}"#))
      let change = try scene.tensors("out")["q.weight"]
      expectClose(try #require(change?.values), PlainAdapter.change(adapter.modules[0]))
      try scene.run(
        #"{"weir": 1, "sources": {"x": {"adapter": "adapter/adapter_model.safetensors"}}, "outputs": [{"from": "x", "to": "alone"}]}"#
      )
      #expect(try scene.tensors("alone")["q.weight"] == change)
    }
  }

  @Test func `Bytes depend on no thread, tile, window and way of reading`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 10)
      // Panels of 32 and of 128 rows, the last ones shorter, and rows longer than a panel.
      let shapes = [(70, 16_384), (150, 4096), (2, 530_000)]
      for (number, name) in ["a", "b"].enumerated() {
        var adapter = PlainAdapter(
          dtype: .bf16, config: #""r": \#(2 + number), "lora_alpha": 4, "use_dora": \#(number == 1)"#)
        for (layer, shape) in shapes.enumerated() {
          var module = PlainAdapter.Module(
            name: "l.\(layer)", out: shape.0, into: shape.1, rank: 2 + number, scale: 4 / Double(2 + number))
          if number == 1 { module.magnitude = (0..<shape.0).map { _ in Double(1 + random.next() % 8) } }
          adapter.add(module, random: &random)
        }
        try adapter.write(scene, name)
      }
      try scene.add(
        "base",
        shapes.enumerated().map { TestTensor("l.\($0).weight", largeBF16: [$1.0, $1.1], random: &random) })
      let text = #"""
        {"weir": 1, "sources": {"base": "base", "a": {"adapter": "a", "base": "base"}, "b": {"adapter": "b", "base": "base"}},
         "graph": {"m": {"op": "ties", "base": "base", "models": ["a", "b"], "density": 0.3}},
         "outputs": [{"from": "m", "to": "digest:"}]}
        """#
      var digests: Set<String> = []
      for (threads, tile, memory, policy) in [
        (1, 4096, 352, ReadPolicy.auto), (2, 512, 352, .read), (3, 1024, 288, .map), (5, 4096, 512, .auto),
      ] {
        var options = RunOptions(memory: memory << 20, threads: threads, readPolicy: policy)
        options.tileLength = tile
        digests.insert("\(try #require(try scene.run(text, options).outputs[0].digest))")
      }
      #expect(digests.count == 1)
    }
  }

  @Test func `Two adapters merge by any method, as the models that they stand for`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 11)
      var models: [[Double]] = []
      let base = TestTensor("q.weight", .f32, [24, 18], random: &random)
      for name in ["a", "b"] {
        var adapter = PlainAdapter(config: #""r": 2, "lora_alpha": 2"#)
        adapter.add(PlainAdapter.Module(name: "q", out: 24, into: 18, rank: 2, scale: 1), random: &random)
        try adapter.write(scene, name)
        models.append(PlainAdapter.applied(adapter.modules[0], to: base.values))
      }
      try scene.add("base", [base])
      let sources =
        #"{"weir": 1, "sources": {"base": "base", "a": {"adapter": "a", "base": "base"}, "b": {"adapter": "b", "base": "base"}}, "#
      try scene.run(
        sources
          + #""graph": {"m": {"op": "linear", "models": [{"from": "a", "weight": 0.25}, {"from": "b", "weight": 0.75}]}}, "outputs": [{"from": "m", "to": "out"}]}"#
      )
      expectClose(
        try #require(scene.tensors("out")["q.weight"]).values, zip(models[0], models[1]).map { 0.25 * $0 + 0.75 * $1 })
      try scene.run(
        sources
          + #""graph": {"m": {"op": "task_arithmetic", "base": "base", "models": [{"from": "a", "weight": 2}, {"from": "b", "weight": -1}]}}, "outputs": [{"from": "m", "to": "out2"}]}"#
      )
      expectClose(
        try #require(scene.tensors("out2")["q.weight"]).values,
        base.values.indices.map { 2 * models[0][$0] - models[1][$0] }, within: 1e-5)
    }
  }

  @Test func `An adapter's tensor that stands for the base's is copied, of another type brought to the base's`() throws
  {
    try withScene { scene in
      try scene.add(
        "base",
        [
          TestTensor("model.embed_tokens.weight", .bf16, [2, 2], [1, 2, 3, 4]), TestTensor("norm", .f32, [1], [7]),
          TestTensor("ids", .i64, [1], bytes: [1, 0, 0, 0, 0, 0, 0, 0]),
        ], config: #"{"vocab_size": 2}"#)
      var adapter = PlainAdapter(config: #""modules_to_save": ["embed_tokens"]"#)
      adapter.wholes = [
        TestTensor("base_model.model.model.embed_tokens.modules_to_save.weight", .f32, [3, 2], [5, 6, 7, 8, 9, 1])
      ]
      try adapter.write(scene, "adapter")
      try scene.run(text(dtype: "same"))
      let found = try scene.tensors("out")
      #expect(
        found["model.embed_tokens.weight"]
          == TestTensor("model.embed_tokens.weight", .bf16, [3, 2], [5, 6, 7, 8, 9, 1]))
      #expect(found["norm"]?.values == [7] && found["ids"]?.bytes.first == 1)
    }
  }

  @Test func `Names of the whole model lead to a base without its head, and the other way round`() throws {
    for (own, base) in [("transformer.h.0.c", "h.0.c"), ("h.0.c", "transformer.h.0.c")] {
      var adapter = PlainAdapter(modules: [Self.example], config: #""r": 2, "lora_alpha": 4"#)
      adapter.modules[0].name = own
      let found = try run(adapter, [TestTensor("\(base).weight", .f32, [4, 3], Self.weight)], text())
      #expect(found["\(base).weight"] == [3, 2, 5, 0, 5, 0, 3, 4, 3, 2, 0, 0])
    }
  }

  // MARK: - Plans

  @Test func `A plan counts factors, and refuses those that the budget has no room for`() throws {
    try withScene { scene in
      var adapter = PlainAdapter(dtype: .bf16, config: #""r": 400, "lora_alpha": 4"#)
      adapter.modules = [
        PlainAdapter.Module(
          name: "q", out: 4000, into: 2000, rank: 400, scale: 0.01, a: [Double](repeating: 0, count: 800_000),
          b: [Double](repeating: 0, count: 1_600_000))
      ]
      try adapter.write(scene, "adapter")
      try scene.add(
        "base", [TestTensor("q.weight", .bf16, [4000, 2000], bytes: [UInt8](repeating: 0, count: 16_000_000))])
      let plan = try scene.plan(text())
      #expect(plan.bytesIn == 16_000_000 + 4_800_000)
      // The factors in Float32, for two tensors and each of two threads.
      #expect(plan.workingSet > 4 * 9_600_000)
      let complaints = scene.complaints(text(), RunOptions(memory: 40 << 20, threads: 2))
      #expect(complaints.count == 1)
      #expect(
        complaints[0].hasSuffix(
          "with 9.2 MiB of factors for the adapters of 'q.weight', budget is 40 MiB; raise --memory or lower --threads")
      )
    }
  }
}
