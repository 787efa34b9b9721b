import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Names from files in messages.
@Suite struct MessageTests {
  private let node = #"{"op": "mean", "inputs": ["a", "b"]}"#

  @Test func `Marks that turn or control a terminal are escaped when planning complains of a tensor`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w\u{202E}\u{9B}x", [1])])
      try scene.add("b", [TestTensor("w\u{202E}\u{9B}x", [1, 2]), TestTensor("v\u{9B}", [1])])
      let found = scene.complaints(pipeline(["a", "b"], graph: [("n", node)], outputs: [("n", "digest:")]))
      #expect(found.count == 2)
      #expect(found.contains { $0.contains(#"'w\u{202e}\u{9b}x'"#) })
      #expect(found.contains { $0.contains(#"'v\u{9b}'"#) })
      #expect(!found.joined().unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{9B}" })
    }
  }

  @Test func `Marks that turn or control a terminal are escaped when a run complains of a number`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w\u{202E}\u{9B}x", [.nan])])
      try scene.add("b", [TestTensor("w\u{202E}\u{9B}x", [1])])
      let found = scene.complaints(pipeline(["a", "b"], graph: [("n", node)], outputs: [("n", "digest:")]))
      #expect(found.first?.contains(#"tensor 'w\u{202e}\u{9b}x': element 0 is NaN"#) == true)
    }
  }
}
