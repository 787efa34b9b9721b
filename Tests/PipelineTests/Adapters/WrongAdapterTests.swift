import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Adapters that do not fit what they are applied to, or hold what is no number.
@Suite struct WrongAdapterTests {
  private static let text =
    #"{"weir": 1, "sources": {"base": "base", "x": {"adapter": "adapter", "base": "base"}}, "outputs": [{"from": "x", "to": "out"}]}"#
  private static let alone =
    #"{"weir": 1, "sources": {"x": {"adapter": "adapter"}}, "outputs": [{"from": "x", "to": "out"}]}"#

  private func tensor(_ name: String, _ shape: [Int], _ dtype: DType = .f32) -> TestTensor {
    TestTensor(name, dtype, shape, bytes: [UInt8](repeating: 0, count: shape.reduce(dtype.byteCount, *)))
  }

  private func factors(_ module: String, a: [Int], b: [Int]) -> [TestTensor] {
    [
      tensor("base_model.model.\(module).lora_A.weight", a), tensor("base_model.model.\(module).lora_B.weight", b),
    ]
  }

  private func complaints(
    _ own: [TestTensor], _ base: [TestTensor], config: String = #""r": 2"#, text: String = Self.text,
    baseConfig: String? = nil
  ) throws -> [String] {
    try withScene { scene in
      try scene.add("base", base, config: baseConfig)
      try PlainAdapter(config: config, wholes: own).write(scene, "adapter")
      let complaints = scene.complaints(text)
      #expect(try !scene.names().contains { $0.hasPrefix("out") }, "nothing is left behind")
      return complaints.map { $0.replacing(scene.folder + "/", with: "") }
    }
  }

  @Test func `A name that leads nowhere is told with both names`() throws {
    #expect(
      try complaints(factors("h.q", a: [2, 3], b: [4, 2]), [tensor("h.k.weight", [4, 3])]) == [
        "source 'x': adapter/adapter_model.safetensors: tensor 'base_model.model.h.q.lora_A.weight': a part of 'h.q.weight', "
          + "which base lacks, expected the base that the adapter was made for"
      ])
    let tied = try complaints(
      factors("lm_head", a: [2, 3], b: [4, 2]), [tensor("model.embed_tokens.weight", [4, 3])],
      baseConfig: #"{"tie_word_embeddings": true}"#)
    #expect(tied.count == 1 && tied[0].contains("which base lacks as its head is its embedding"))
  }

  @Test func `Shapes that differ are told`() throws {
    let base = [tensor("q.weight", [4, 3]), tensor("q.bias", [4])]
    for (a, b, found) in [([2, 5], [4, 2], "[4, 5]"), ([2, 3], [3, 2], "[3, 3]")] {
      let told = try complaints(factors("q", a: a, b: b), base)
      #expect(
        told.count == 1
          && told[0].contains("a product of shape \(found) with its partner, expected [4, 3] as 'q.weight'"))
    }
    let own = factors("q", a: [2, 3], b: [4, 2])
    for (more, config, expected) in [
      (tensor("base_model.model.q.lora_B.bias", [5]), "", "shape [5], expected [4] as 'q.bias'"),
      (
        tensor("base_model.model.q.lora_magnitude_vector", [3]), #", "use_dora": true"#, "shape [3], expected 4 lengths"
      ),
      (tensor("base_model.model.q.bias", [5]), "", "shape [5], expected [4] as 'q.bias'"),
      (tensor("base_model.model.q.bias", [4], .i32), "", "I32, expected F32 as 'q.bias'"),
      (tensor("base_model.model.x.norm.weight", [4, 3]), "", "a part of 'x.norm.weight'"),
    ] {
      let told = try complaints(own + [more], base, config: #""r": 2"# + config)
      #expect(told.count == 1 && told[0].contains(expected), "\(told)")
    }
    let convolution = try complaints(
      factors("c", a: [2, 3, 1, 1], b: [4, 2, 1, 1]) + [
        tensor("base_model.model.c.lora_magnitude_vector", [1, 4, 1, 1])
      ],
      [tensor("c.weight", [4, 3, 1, 1])], config: #""r": 2, "use_dora": true"#)
    #expect(convolution.count == 1 && convolution[0].contains("lengths of DoRA for a convolution"))
    let codes = try complaints(own, [tensor("q.weight", [4, 3], .i8)])
    #expect(codes.count == 1 && codes[0].contains("which is I8 in the base"))
  }

  @Test func `Two changes of one tensor are refused`() throws {
    let own = factors("transformer.q", a: [2, 3], b: [4, 2]) + factors("q", a: [2, 3], b: [4, 2])
    let told = try complaints(own, [tensor("q.weight", [4, 3])])
    #expect(told.count == 1 && told[0].contains("a second change of 'q.weight', expected one"))
  }

  @Test func `What is no change needs a base`() throws {
    let whole = try complaints([tensor("base_model.model.norm.weight", [4])], [], text: Self.alone)
    #expect(whole.count == 1 && whole[0].contains("a whole tensor, which is no change, expected a \"base\" beside"))
    let lengths = try complaints(
      factors("q", a: [2, 3], b: [4, 2]) + [tensor("base_model.model.q.lora_magnitude_vector", [4])], [],
      config: #""r": 2, "use_dora": true"#, text: Self.alone)
    #expect(lengths.count == 1 && lengths[0].contains("lengths of DoRA, which the base is needed for"))
  }

  @Test(arguments: [Double.nan, .infinity])
  func `A factor that is no number ends the run, unless it may pass`(_ number: Double) throws {
    let a = TestTensor("base_model.model.q.lora_A.weight", .bf16, [1, 3], [1, number, 1])
    let b = TestTensor("base_model.model.q.lora_B.weight", .bf16, [2, 1], [1, 1])
    let base = [TestTensor("q.weight", .f32, [2, 3], [1, 2, 3, 4, 5, 6])]
    let told = try complaints([a, b], base, config: #""r": 1"#)
    #expect(
      told == [
        "adapter/adapter_model.safetensors: tensor 'base_model.model.q.lora_A.weight': element 1 is "
          + "\(number.isNaN ? "NaN" : "infinite"), expected finite numbers; repair the adapter, or let them through with "
          + "\"nan\": \"propagate\""
      ])
    try withScene { scene in
      try scene.add("base", base)
      try PlainAdapter(config: #""r": 1"#, wholes: [a, b]).write(scene, "adapter")
      try scene.run(Self.text.replacing(#""weir": 1"#, with: #""weir": 1, "nan": "propagate""#))
      let found = try scene.tensors("out")["q.weight"]?.values ?? []
      #expect(found[0] == 9 && !found[1].isFinite && found[2] == 11)
    }
  }

  @Test func `The base of an adapter is a checkpoint among the sources`() throws {
    try withScene { scene in
      let text =
        #"{"weir": 1, "sources": {"a": {"adapter": "a"}, "x": {"adapter": "x", "base": "a"}}, "outputs": [{"from": "x", "to": "out"}]}"#
      #expect(
        scene.complaints(text) == [
          "source 'x': 'base' is 'a', an adapter, expected a checkpoint of weights from 'sources'"
        ])
    }
  }
}
