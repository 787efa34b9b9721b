import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// New names that no reader of checkpoints takes.
@Suite struct TensorNameTests {
  @Test(arguments: [
    ("*", "is empty, expected a name"),
    ("__metadata__", "'__metadata__' stands for the file's metadata, expected another"),
    (String(repeating: "x", count: 5000), "has 5000 bytes, expected at most 4096"),
  ])
  func `A rename to a name that no reader takes is refused`(name: String, problem: String) throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("w", [1])])
      let rename = #""rename": [{"from": "\#(name.contains("*") ? "w*" : "w")", "to": "\#(name)"}]"#
      let ofNode = pipeline(
        ["a"], graph: [("n", #"{"op": "abs", "inputs": ["a"], \#(rename)}"#)], outputs: [("n", "digest:")])
      let ofOutput = pipeline(["a"], graph: [], outputs: [("a", "digest:")], outputMore: ", \(rename)")
      let message = "'rename' of tensor 'w': the new name \(problem); change the rule"
      #expect(scene.complaints(ofNode) == ["node 'n': \(message)"])
      #expect(scene.complaints(ofOutput) == ["output: \(message)"])
    }
  }
}
