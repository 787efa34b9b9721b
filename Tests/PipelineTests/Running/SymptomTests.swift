import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Failures that were found by attacking runs: each name is the symptom.
@Suite struct SymptomTests {
  @Test func `A model that lacks most of the model does not end a trim over the model`() throws {
    try withScene { scene in
      try scene.add("base", [TestTensor("a", [0, 0, 0, 0]), TestTensor("b", [0, 0, 0, 0])])
      try scene.add("m", [TestTensor("a", [1, -2, 3, 0])])
      try scene.add("n", [TestTensor("a", [1, 2, 3, 4]), TestTensor("b", [1, 2, 3, 4])])
      let node = """
        {"op": "ties", "base": "base", "models": ["m", "n"], "density": 0.9, "scope": "model", "on_missing": "skip_model"}
        """
      try scene.run(pipeline(["base", "m", "n"], graph: [("x", node)], outputs: [("x", "out.safetensors")]))
      // k = 7 of 8: m keeps all that it has, n loses its smallest, the first of its ones… by index.
      let tensors = try scene.tensors("out.safetensors")
      #expect(tensors["a"]?.values == [1, 2, 3, 4])
      #expect(tensors["b"]?.values == [0, 2, 3, 4])
    }
  }

  @Test func `A density that varies over a selection of the whole model is refused`() throws {
    try withScene { scene in
      let tensors = [TestTensor("l.0.w", [1, 2, 3, 4]), TestTensor("l.1.w", [5, 6, 7, 8])]
      try scene.add("a", tensors)
      let node = #"{"op": "trim", "inputs": ["a"], "density": {"ramp": [0.25, 0.75]}, "scope": "model"}"#
      let complaints = scene.complaints(pipeline(["a"], graph: [("n", node)], outputs: [("n", "digest:")]))
      #expect(!complaints.isEmpty)
      #expect(complaints.allSatisfy { $0.contains("'density' varies") })
    }
  }

  @Test(arguments: [
    #"{"op": "lerp", "base": "base", "models": ["m"], "t": 0.5, "on_missing": "skip_model"}"#,
    #"{"op": "slerp", "base": "base", "models": ["m"], "t": 0.5, "on_missing": "skip_model"}"#,
    #"{"op": "task_arithmetic", "base": "base", "models": ["m"], "on_missing": "skip_model"}"#,
    #"{"op": "ties", "base": "base", "models": ["m"], "on_missing": "skip_model"}"#,
    #"{"op": "extrapolate", "base": "base", "models": ["m"], "on_missing": "skip_model"}"#,
    #"{"op": "negate", "base": "base", "models": ["m"], "on_missing": "skip_model"}"#,
    #"{"op": "dare_linear", "base": "base", "models": ["m"], "density": 0.5, "on_missing": "skip_model"}"#,
  ])
  func `A tensor that no model has stays as the base has it`(node: String) throws {
    try withScene { scene in
      let kept = TestTensor("b", .bf16, [4], [1, 2, 3, 4])
      try scene.add("base", [TestTensor("a", [1, 2]), kept])
      try scene.add("m", [TestTensor("a", [3, 5])])
      try scene.run(pipeline(["base", "m"], graph: [("n", node)], outputs: [("n", "out.safetensors")]))
      #expect(try scene.tensors("out.safetensors")["b"] == kept)
    }
  }

  @Test func `The config follows the layers of its own model, not those of a stack that was merged into it`() throws {
    let config = #"{"num_hidden_layers": 3, "torch_dtype": "float32", "windows": [10, 20, 30]}"#
    try withScene { scene in
      try scene.add("a", (0..<3).map { TestTensor("m.layers.\($0).w", [Double($0)]) }, config: config)
      let stack = #"{"op": "stack", "parts": [{"from": "a", "layers": [2, 3]}, {"from": "a", "layers": [0, 2]}]}"#
      let text = pipeline(
        ["a"], graph: [("s", stack), ("n", #"{"op": "linear", "models": ["a", "s"]}"#)], outputs: [("n", "out")])
      try scene.run(text)
      #expect(try scene.text("out/config.json") == config)
      #expect(try scene.tensors("out")["m.layers.0.w"]?.values == [1])
    }
  }

  @Test func `The config of a stack of a stack follows the layers through both`() throws {
    let config = #"{"num_hidden_layers": 3, "torch_dtype": "float32", "windows": [10, 20, 30]}"#
    try withScene { scene in
      try scene.add("a", (0..<3).map { TestTensor("m.layers.\($0).w", [Double($0)]) }, config: config)
      let inner = #"{"op": "stack", "parts": [{"from": "a", "layers": [2, 3]}, {"from": "a", "layers": [0, 3]}]}"#
      let outer = #"{"op": "stack", "parts": [{"from": "i", "layers": [0, 2]}, {"from": "i", "layers": [3, 4]}]}"#
      try scene.run(pipeline(["a"], graph: [("i", inner), ("o", outer)], outputs: [("o", "out")]))
      #expect((0..<3).map { (try? scene.tensors("out")["m.layers.\($0).w"]?.values) } == [[2], [0], [2]])
      let written = try scene.text("out/config.json").filter { !$0.isWhitespace }
      #expect(written.contains(#""windows":[30,10,30]"#))
      #expect(written.contains(#""num_hidden_layers":3"#))
    }
  }
}
