import Testing

@testable import WeirPipeline

/// Graphs that are deeper than the stack of a thread.
@Suite struct GraphDepthTests {
  private func chain(_ count: Int) -> String {
    let nodes = (1...count).map { number -> (String, String) in
      ("n\(number)", #"{"op": "abs", "inputs": ["\#(number == 1 ? "a" : "n\(number - 1)")"]}"#)
    }
    return pipeline(["a"], graph: nodes, outputs: [("n\(count)", "digest:")])
  }

  @Test func `A chain of 500 nodes is run`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1, -2])])
      try scene.run(chain(500))
    }
  }

  @Test func `A chain of 8000 nodes is refused at the first node that lies too deep`() {
    let lines = complaints(chain(8000))
    #expect(lines.count == 1)
    #expect(lines.first?.contains("node 'n501' lies 501 nodes deep, expected at most 500") == true)
    #expect(lines.first?.hasPrefix("p.json:502:3") == true)
  }
}
