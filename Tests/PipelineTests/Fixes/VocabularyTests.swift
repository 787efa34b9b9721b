import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// Tokenizers of models whose embeddings are merged.
@Suite struct VocabularyTests {
  private let text = pipeline(
    ["a", "b", "c"], graph: [("n", #"{"op": "mean", "inputs": ["a", "b", "c"]}"#)], outputs: [("n", "digest:")])

  private func tokenizer(_ rows: [String: Int], padding: Int = 0) -> String {
    let vocabulary = rows.sorted { $0.key < $1.key }.map { #""\#($0.key)": \#($0.value)"# }.joined(separator: ", ")
    return #"{"model": {"vocab": {\#(vocabulary)}}}"# + String(repeating: " ", count: padding)
  }

  private func withModels<Result>(_ tokenizers: [String], _ body: (Scene) throws -> Result) throws -> Result {
    try withScene { scene in
      for (name, tokenizer) in zip(["a", "b", "c"], tokenizers) {
        try scene.add(name, [TestTensor("embed_tokens.weight", .f32, [2, 1], [1, 2])])
        try writeFile(scene.path("\(name)/tokenizer.json"), tokenizer)
      }
      return try body(scene)
    }
  }

  @Test func `A token in another row is found in the last of three models`() throws {
    let same = tokenizer(["x": 0, "y": 1])
    try withModels([same, tokenizer(["x": 0, "y": 1, "z": 2]), tokenizer(["x": 1, "y": 0])]) { scene in
      #expect(
        scene.complaints(text) == [
          "node 'n': token 'x' is row 0 in 'a' and row 1 in 'c', expected one vocabulary; "
            + "bring all models to one with \"tokenizer\", or \"exclude\" what has a row per token: 'embed_tokens.weight'"
        ])
    }
  }

  @Test func `Different tokenizers too large for the budget are not compared, with a warning`() throws {
    let large = tokenizer(["x": 0, "y": 1], padding: 2 << 20)
    try withModels([large, large, tokenizer(["x": 1, "y": 0])]) { scene in
      let plan = try scene.plan(text, RunOptions(memory: 20 << 20, threads: 1))
      #expect(plan.warnings.count == 1)
      #expect(plan.warnings.first?.message.contains("source 'a': tokenizer.json is too large to be compared") == true)
    }
  }

  @Test func `Tokenizers that are the same text need no reading`() throws {
    let large = tokenizer(["x": 0, "y": 1], padding: 2 << 20)
    try withModels([large, large, large]) { scene in
      let plan = try scene.plan(text, RunOptions(memory: 20 << 20, threads: 1))
      #expect(plan.warnings.isEmpty)
    }
  }
}
