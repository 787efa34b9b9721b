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
}
