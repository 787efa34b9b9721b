import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Merges that rank elements within rows, or read one tensor for another, over files.
@Suite struct RankedMergeTests {
  /// The last has rows longer than a step of the ranking, the one before it lines that lie between each other.
  private static let shapes: [(String, [Int])] = [
    ("layers.0.w", [37, 411]), ("layers.0.b", [129]), ("scalar", []), ("empty", [0, 4]), ("experts.w", [3, 70, 31]),
    ("long.w", [2, 30_001]),
  ]
  private static let parts = shapes.map { ReferencePart($0.0, $0.1) }

  private func withModels(_ body: (Scene, [[Double]]) throws -> Void) throws {
    var random = SplitMix64(seed: 15)
    try withScene { scene in
      var values: [[Double]] = []
      for (name, dtype) in [("base", DType.f32), ("a", .bf16), ("b", .f32)] {
        // Exact in every type, so that deltas are too: rounding would change the order of neighbours.
        let tensors = Self.shapes.map { name, shape in
          TestTensor(name, dtype, shape, (0..<shape.reduce(1, *)).map { _ in random.dyadic() })
        }
        try scene.add(name, tensors)
        values.append(tensors.flatMap(\.values))
      }
      try body(scene, values)
    }
  }

  private static let nodes: [(method: String, json: String, numbers: [String: Double], choices: [String: String])] = [
    ("della", #""density": 0.4, "seed": 7"#, ["density": 0.4, "seed": 7], [:]),
    (
      "della_linear", #""density": 0.5, "seed": 3, "epsilon": 0.4, "rescale_rule": "l1", "scope": "tensor""#,
      ["density": 0.5, "seed": 3, "epsilon": 0.4], ["rescale_rule": "l1", "scope": "tensor"]
    ),
    (
      "breadcrumbs_ties", #""density": 0.4, "gamma": 0.2, "variant": "original""#, ["density": 0.4, "gamma": 0.2],
      ["variant": "original"]
    ),
  ]

  private func text(_ method: String, _ more: String, to place: String) -> String {
    pipeline(
      ["base", "a", "b"],
      graph: [("n", #"{"op": "\#(method)", "base": "base", "models": ["a", "b"], \#(more)}"#)], outputs: [("n", place)])
  }

  @Test(arguments: nodes.indices)
  func `Rows of any length are ranked, and the same bytes come out however the work is cut`(number: Int) throws {
    let node = Self.nodes[number]
    try withModels { scene, values in
      try scene.run(text(node.method, node.json, to: "out.safetensors"))
      var merge = ReferenceMerge(base: values[0], models: Array(values[1...]), shape: [])
      (merge.parts, merge.numbers, merge.choices) = (Self.parts, node.numbers, node.choices)
      let expected = try #require(merge.run(node.method))
      let found = try scene.list("out.safetensors").flatMap(\.values)
      #expect(found.count == expected.count)
      let wrong = zip(found, expected).enumerated().first { abs($1.0 - $1.1) > 3e-5 * max(1, abs($1.1)) }
      #expect(wrong == nil)
      let digest = text(node.method, node.json, to: "digest:x")
      let totals = try RunCut.all.map { cut in
        try scene.run(digest, cut.options).outputs.compactMap { $0.digest?.total }
      }
      #expect(totals.allSatisfy { $0 == totals[0] && $0.count == 1 })
    }
  }

  @Test func `A plan counts one reading where rows are ranked in memory, and more for a long slice`() throws {
    try withModels { scene, _ in
      func passes(_ more: String, megabytes: Int = 352) throws -> [Int] {
        let options = RunOptions(memory: megabytes << 20, threads: 2)
        return try scene.plan(text("della", #""density": 0.4"# + more, to: "out"), options).outputs[0].tensors.map(
          \.passes)
      }
      let (plain, l1) = (try passes(""), try passes(#", "rescale_rule": "l1""#))
      #expect(plain == [1, 1, 1, 1, 1, 1] && l1.prefix(2) == [2, 2])
      let small = try passes("", megabytes: 16)
      #expect(small == [1, 1, 1, 1, 1, 3])
    }
  }

  @Test func `PyTorch's pruned tensors are averaged under their masks, and the masks stay`() throws {
    try withScene { scene in
      let mask = TestTensor("w_mask", .f32, [4], [1, 0, 1, 1])
      for (name, values) in [("a", [1.0, 5, 0, 3]), ("b", [2.0, 7, 4, 0]), ("c", [3.0, 9, 2, 3])] {
        try scene.add(name, [mask, TestTensor("w_orig", .f32, [4], values)])
      }
      let text = pipeline(
        ["a", "b", "c"], graph: [("n", #"{"op": "sparse_soup", "models": ["a", "b", "c"]}"#)], outputs: [("n", "out")])
      try scene.run(text)
      let out = try scene.tensors("out").mapValues(\.values)
      #expect(out == ["w_mask": [1, 0, 1, 1], "w_orig": [2, 0, 2, 2]])
      try scene.add(
        "d", [TestTensor("w_mask", .f32, [4], [1, 1, 0, 1]), TestTensor("w_orig", .f32, [4], [1, 2, 3, 4])])
      let wrong = pipeline(
        ["a", "d"], graph: [("n", #"{"op": "sparse_soup", "models": ["a", "d"]}"#)], outputs: [("n", "other")])
      let complaints = scene.complaints(wrong)
      #expect(complaints.count == 1 && complaints[0].contains("model 2") && complaints[0].contains("2 elements"))
      #expect(try !scene.names().contains("other"))
    }
  }
}
