import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Stacks upon stacks.
@Suite struct StackTests {
  private let config = #"{"num_hidden_layers": 2, "torch_dtype": "float32"}"#

  @Test func `A stack above renamed layers leaves the layer count and says so`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("l.0.w", [1]), TestTensor("l.1.w", [2])], config: config)
      let inner =
        #"{"op": "stack", "parts": [{"from": "a", "layers": [0, 2]}], "rename": [{"from": "l.1.*", "to": "l.9.*"}]}"#
      let outer = #"{"op": "stack", "parts": [{"from": "inner", "layers": [0, 10]}]}"#
      let report = try scene.run(
        pipeline(["a"], graph: [("inner", inner), ("outer", outer)], outputs: [("outer", "out")]))
      #expect(report.notes.contains { $0.contains("layers were renamed before they were stacked") })
      #expect(try scene.text("out/config.json").contains(#""num_hidden_layers": 2"#))
    }
  }

  @Test func `Forty stacks of two parts, one in the other, are written at once`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("l.0.w", [1]), TestTensor("l.1.w", [2])], config: config)
      let nodes = (0..<40).map { number -> (String, String) in
        let from = number == 0 ? "a" : "s\(number - 1)"
        return (
          "s\(number)",
          #"{"op": "stack", "parts": [{"from": "\#(from)", "layers": [1, 2]}, {"from": "\#(from)", "layers": [0, 1]}]}"#
        )
      }
      try scene.run(pipeline(["a"], graph: nodes, outputs: [("s39", "out")]))
      #expect(try scene.list("out").map(\.values) == [[1], [2]])
    }
  }

  @Test func `A stack of more than a million tensors is refused before it is made`() throws {
    try withScene { scene in
      try scene.add("a", (0..<150).map { TestTensor("l.0.w\($0)", [1]) })
      let part = { (from: String, layers: Int) in #"{"from": "\#(from)", "layers": [0, \#(layers)]}"# }
      let wide =
        #"{"op": "stack", "parts": [\#([String](repeating: part("a", 1), count: 1000).joined(separator: ","))]}"#
      let wider =
        #"{"op": "stack", "parts": [\#([String](repeating: part("s", 1000), count: 8).joined(separator: ","))]}"#
      let text = pipeline(["a"], graph: [("s", wide), ("t", wider)], outputs: [("t", "digest:")])
      #expect(
        scene.complaints(text) == [
          "node 't' stacks 1200000 tensors, expected at most 1000000; take fewer layers"
        ])
    }
  }

  @Test func `A stack of more layers than any model has is refused`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("l.0.w", [1]), TestTensor("l.900000.w", [2])])
      let node = #"{"op": "stack", "parts": [{"from": "a", "layers": [0, 900001]}]}"#
      let text = pipeline(["a"], graph: [("s", node)], outputs: [("s", "digest:")])
      #expect(
        scene.complaints(text) == [
          "node 's': more than 10000 layers with those of 'a', expected at most 10000; take fewer layers"
        ])
    }
  }
}
