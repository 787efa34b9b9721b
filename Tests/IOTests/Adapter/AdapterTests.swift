import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

/// Adapters by themselves: what is read of their config and names, and what is refused.
@Suite struct AdapterTests {
  private typealias Tensor = (name: String, shape: [Int])
  private static let prefix = "base_model.model."
  private static let plain: [(name: String, shape: [Int])] = [
    ("q.lora_A.weight", [2, 3]), ("q.lora_B.weight", [4, 2]),
  ]
  private static let standard = #"{"peft_type": "LORA", "r": 2, "lora_alpha": 4}"#

  private func open(
    _ config: String, _ tensors: [(name: String, shape: [Int])], prefix: String = Self.prefix, dtype: DType = .f32
  ) throws -> Adapter {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/adapter_config.json", config)
      try writeSafetensors(
        path: "\(folder)/adapter_model.safetensors",
        tensors: tensors.map { tensor in
          let count = tensor.shape.reduce(dtype.byteCount, *)
          return (prefix + tensor.name, dtype, tensor.shape, [UInt8](repeating: 0, count: count))
        })
      return try Adapter.open(folder)
    }
  }

  private func message(
    _ config: String = Self.standard, _ tensors: [(name: String, shape: [Int])] = Self.plain,
    prefix: String = Self.prefix, dtype: DType = .f32
  ) -> String {
    do {
      _ = try open(config, tensors, prefix: prefix, dtype: dtype)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func `Modules have their rank and scale by the first pattern that describes them`() throws {
    let config = #"""
      {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": true, "rank_pattern": {"b.k": 4, "k": 1},
       "alpha_pattern": {"^a.k": 3}, "modules_to_save": ["score", "head"], "inference_mode": true}
      """#
    let adapter = try open(
      config,
      [
        ("b.k.lora_A.weight", [4, 3]), ("b.k.lora_B.weight", [5, 4]), ("a.k.lora_A.default.weight", [1, 3]),
        ("a.k.lora_B.default.weight", [5, 1]), ("q.lora_embedding_A", [2, 7]), ("q.lora_embedding_B", [5, 2]),
        ("norm.modules_to_save.weight", [5]),
      ])
    #expect(adapter.modules.map(\.name) == ["b.k", "a.k", "q"])
    #expect(adapter.modules.map { $0.factors?.rank } == [4, 1, 2])
    #expect(adapter.modules.map { $0.factors?.scale } == [2, 3, 4 / 2.0.squareRoot()])
    #expect(adapter.modules.map { $0.factors?.isEmbedding } == [false, false, true])
    #expect(adapter.wholes.map(\.name) == ["norm.weight"])
    #expect(adapter.missingWholes == ["head"])
    #expect(adapter.notes.count == 1)
  }

  @Test(arguments: [
    (#"{"peft_type": "LOHA"}"#, "a 'LOHA' adapter, expected an adapter of type 'LORA'"), (#"{"r": 0}"#, "'r' is 0"),
    (#"{"r": 1e3}"#, "found a number"),
    (#"{"r": 99999999}"#, "'r' is 99999999"), (#"{"r": 2, "lora_alpha": "x"}"#, "found a string"),
    (#"{"use_dora": 1}"#, "found a number"), (#"{"rank_pattern": ["q"]}"#, "found an array"),
    (#"{"rank_pattern": {"q": 0}}"#, "a rank from 1"), (#"{"rank_pattern": {"(q": 2}}"#, "the pattern '(q' has a '('"),
    (#"{"alpha_pattern": {"q": true}}"#, "found a boolean"), (#"{"bias": "some"}"#, "'bias' is 'some'"),
    (#"{"init_lora_weights": "pissa_niter_4"}"#, "began as 'pissa_niter_4'"),
    (#"{"target_parameters": ["experts.w"]}"#, "'target_parameters'"),
    (#"{"alora_invocation_tokens": [1]}"#, "'alora_invocation_tokens'"), (#"{"use_qalora": true}"#, "QA-LoRA"),
    (#"{"layer_replication": [[0, 4]]}"#, "repeats layers"), ("[]", "found an array"), ("{", "adapter_config.json:1:2"),
    (#"{"modules_to_save": "head"}"#, "found a string"),
    (#"{"r": 2, "lora_alpha": 1e308, "alpha_pattern": {"q": 1e300}}"#, "a scale of 5e+299"),
  ])
  func `A config that is wrong, or of another kind, is refused by name`(_ config: String, _ expected: String) {
    #expect(message(config).contains(expected))
  }

  @Test(
    arguments: [
      ([("q.lora_A.weight", [2, 3])], "no 'lora_B' for 'q', expected both factors"),
      ([("q.lora_B.weight", [4, 2])], "no 'lora_A' for 'q'"), ([("q.lora_B.bias", [4])], "no 'lora_A' for 'q'"),
      ([("q.lora_A.weight", [3, 3]), ("q.lora_B.weight", [4, 3])], "shape [3, 3], expected rank 2"),
      ([("q.lora_A.weight", [2, 3]), ("q.lora_B.weight", [4, 3])], "shape [4, 3], expected rank 2"),
      ([("q.lora_A.weight", [2]), ("q.lora_B.weight", [4, 2])], "shape [2], expected rank 2"),
      ([("q.lora_A.weight", [2, 0]), ("q.lora_B.weight", [4, 2])], "shape [2, 0]"),
      ([("q.lora_A.weight", [2, 3, 1, 1]), ("q.lora_B.weight", [4, 2, 2, 2])], "shape [4, 2, 2, 2]"),
      ([("q.lora_A.weight", [2, 3, 1, 1]), ("q.lora_B.weight", [4, 2])], "shape [4, 2]"),
      (Self.plain + [("q.lora_embedding_A", [2, 3])], "no 'lora_embedding_B'"),
      (
        Self.plain + [("q.lora_embedding_A", [2, 3]), ("q.lora_embedding_B", [3, 2])], "factors of an embedding, too"
      ),
      (Self.plain + [("q.lora_A.default.weight", [2, 3])], "a second tensor of its kind for 'q'"),
      (Self.plain + [("q.lora_magnitude_vector", [4])], "'use_dora' is not set"),
      (Self.plain + [("q.hada_w1_a", [4])], "'hada_w', a kind of adapter that is not read"),
      (Self.plain + [("q.lora_E", [4])], "'lora_E'"), (Self.plain + [("q.lora_C.weight", [4])], "'lora_'"),
      (Self.plain + [("e.token_adapter.trainable_tokens_delta", [4])], "'token_adapter'"), ([], "no tensors"),
    ] as [([(name: String, shape: [Int])], String)])
  func `Tensors that are no pair of factors are refused by name`(
    _ tensors: [(name: String, shape: [Int])], _ expected: String
  ) {
    #expect(message(Self.standard, tensors).contains(expected), "\(message(Self.standard, tensors))")
  }

  @Test func `Names and types that are not PEFT's, and lengths that are missing, are refused`() {
    #expect(message(prefix: "").contains("expected a name that begins with 'base_model.model.'"))
    #expect(message(dtype: .i8).contains("elements of type I8, expected F64, F32, F16 or BF16"))
    #expect(
      message(#"{"r": 2, "use_dora": true}"#).contains("no 'lora_magnitude_vector' for 'q', expected one"))
  }

  @Test func `A folder without a config, and one of pickled weights, are refused`() throws {
    try withTemporaryDirectory { folder in
      #expect { try Adapter.open(folder) } throws: { "\($0)".contains("no 'adapter_config.json' in it") }
      try writeFile("\(folder)/adapter_config.json", Self.standard)
      try writeFile("\(folder)/adapter_model.bin", "x")
      #expect { try Adapter.open(folder) } throws: { "\($0)".contains("pickle") }
    }
  }
}
