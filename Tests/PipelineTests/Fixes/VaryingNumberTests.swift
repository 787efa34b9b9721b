import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Fractions of the whole model that are not the same for all of it.
@Suite struct VaryingNumberTests {
  private func complaints(_ density: String) throws -> [String] {
    try withScene { scene in
      try scene.add("a", [TestTensor("mlp.w", [1, 2, 3, 4]), TestTensor("w", [5, 6, 7, 8])])
      let node = #"{"op": "ties", "base": "a", "models": ["b", "c"], "density": \#(density), "scope": "model"}"#
      try scene.add("b", [TestTensor("mlp.w", [2, 2, 3, 4]), TestTensor("w", [5, 7, 7, 8])])
      try scene.add("c", [TestTensor("mlp.w", [3, 2, 3, 4]), TestTensor("w", [5, 9, 7, 8])])
      return scene.complaints(pipeline(["a", "b", "c"], graph: [("n", node)], outputs: [("n", "digest:")]))
    }
  }

  @Test func `Rules that leave the default to some tensors vary over a selection of the whole model`() throws {
    let found = try complaints(#"[{"for": "mlp*", "value": 0.1}]"#)
    #expect(!found.isEmpty)
    #expect(found.allSatisfy { $0.contains("'density' varies") })
  }

  @Test(arguments: [
    "0.1", #"[{"value": 0.1}]"#, #"[{"for": "mlp*", "value": 0.1}, {"value": 0.1}]"#, #"[{"for": "*", "value": 0.1}]"#,
  ])
  func `One number, however it is written, does not vary`(density: String) throws {
    #expect(try complaints(density) == [])
  }
}
