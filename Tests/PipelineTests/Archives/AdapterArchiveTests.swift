import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Archives of adapters: the factors are the task vector, and come back as a folder that PEFT opens.
@Suite struct AdapterArchiveTests {
  private static let config = #"{"peft_type": "LORA",  "r": 4, "target_modules": ["q_proj"]}"#

  /// Factors of some layers, both zeros among them.
  private func factors(_ dtype: DType = .f32) -> [TestTensor] {
    var random = SplitMix64(seed: 81)
    var tensors: [TestTensor] = []
    for layer in 0..<3 {
      for (name, shape) in [("lora_A", [4, 33]), ("lora_B", [21, 4])] {
        let count = shape[0] * shape[1]
        let values = (0..<count).map { _ -> Double in
          switch random.next() % 16 {
          case 0: 0
          case 1: -0.0
          default: random.signed()
          }
        }
        tensors.append(
          TestTensor("base_model.model.layers.\(layer).self_attn.q_proj.\(name).weight", dtype, shape, values))
      }
    }
    return tensors
  }

  private func add(_ scene: Scene, _ tensors: [TestTensor]) throws {
    try makeFolder(scene.path("adapter"))
    try writeSafetensors(path: scene.path("adapter/adapter_model.safetensors"), tensors: tensors.map(\.fixture))
    try writeFile(scene.path("adapter/adapter_config.json"), Self.config)
    try writeFile(scene.path("adapter/README.md"), "# An adapter")
  }

  private func compressText(_ more: String) -> String {
    """
    {"weir": 1, "sources": {"a": {"path": "adapter", "space": "delta"}},
     "outputs": [{"from": "a", "to": "x.tv.safetensors", \(more)}]}
    """
  }

  @Test(
    arguments: CodecCase.lossy.filter { !$0.text.contains("context") }, [DType.f32, .bf16])
  func `The factors come back as their codec's definition gives them`(_ golden: CodecCase, _ dtype: DType) throws {
    try withScene { scene in
      let tensors = factors(dtype)
      try add(scene, tensors)
      try scene.run(compressText(golden.text))
      #expect(try Archive.open(scene.path("x.tv.safetensors")).kind == .adapter)
      try scene.run(scene.applyText(base: nil))
      #expect(try scene.names("out") == scene.names("adapter"))
      #expect(try scene.text("out/adapter_config.json") == Self.config)
      let delta = PlainDelta(
        tensors.map { PlainDelta.Part(name: $0.name, shape: $0.shape, values: $0.values.map { Float($0) }) })
      let found = try scene.list("out")
      #expect(found.map(\.name) == tensors.map(\.name))
      for (tensor, values) in zip(found, golden.prepared(delta)) {
        // Zeros may lose their signs.
        let expected = storedValues(PlainDelta.applied(values, to: nil, as: dtype), as: dtype)
        #expect(tensor.dtype == dtype && tensor.values == expected, "\(tensor.name)")
      }
    }
  }

  @Test(arguments: [#""codec": "lossless""#, #""codec": "sparse""#], [DType.f32, .f16, .bf16, .f64])
  func `An exact archive of an adapter gives its files back, without a base`(_ codec: String, _ dtype: DType) throws {
    try withScene { scene in
      try add(scene, factors(dtype))
      try scene.run(compressText(codec))
      try scene.run(scene.applyText(base: nil))
      #expect(try ExactArchiveTests.files(scene.path("out")) == ExactArchiveTests.files(scene.path("adapter")))
    }
  }

  @Test func `A base beside an adapter's archive is refused`() throws {
    try withScene { scene in
      try add(scene, factors())
      try scene.add("base", [TestTensor("w", [1, 2])])
      try scene.run(compressText(#""codec": "ternary""#))
      #expect(
        scene.complaints(scene.applyText()) == [
          "source 'x': \(scene.path("x.tv.safetensors")): a \"base\" beside the archive of an adapter, expected the archive alone"
        ])
    }
  }
}
