import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// When a whole model is computed in Double.
@Suite struct ModelDoubleTests {
  private func forcesDouble(_ dtype: DType, _ node: String) throws -> Bool {
    try withScene { scene in
      for name in ["a", "b", "c"] {
        try scene.add(name, [TestTensor("v", .f32, [2], [1, 2]), TestTensor("w", dtype, [2], [3, 4])])
      }
      return try scene.plan(pipeline(["a", "b", "c"], graph: [("n", node)], outputs: [("n", "digest:")])).forcesDouble
    }
  }

  private let overModel =
    #"{"op": "ties", "base": "a", "models": ["b", "c"], "density": 0.5, "scope": "model"}"#

  @Test func `A threshold over a model with an F64 tensor is taken in Double`() throws {
    #expect(try forcesDouble(.f64, overModel))
    #expect(try !forcesDouble(.f32, overModel))
  }

  @Test func `A scope that leaves nothing to take over the model changes nothing`() throws {
    let all = #"{"op": "ties", "base": "a", "models": ["b", "c"], "density": 1, "scope": "model"}"#
    #expect(try !forcesDouble(.f64, all))
    #expect(try !forcesDouble(.f64, #"{"op": "mean", "inputs": ["a", "b"]}"#))
  }
}
