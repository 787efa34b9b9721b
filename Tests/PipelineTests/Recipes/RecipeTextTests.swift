import TestSupport
import Testing
import WeirIO

@testable import WeirPipeline

/// What becomes of recipes beyond what the tool itself is compared on.
@Suite struct RecipeTextTests {
  /// A recipe's pipeline and what was odd, with models `a`, `b`, `base` beside it and `org/name` in a cache.
  private func translate(_ text: String) throws -> (pipeline: JSONValue, warnings: [String]) {
    try withScene { scene in
      for name in ["a", "b", "base"] { try makeFolder(scene.path(name)) }
      for path in [
        "hub", "hub/models--org--name", "hub/models--org--name/snapshots", "hub/models--org--name/snapshots/abc1234",
      ] {
        try makeFolder(scene.path(path))
      }
      let made = try RecipeText.translate(
        Array(text.utf8), file: "r.yml", folder: scene.folder + "/", outputPath: nil,
        cache: ModelCache(folder: scene.path("hub")))
      return (try JSON.parse(made.pipeline), made.warnings.map(\.description))
    }
  }

  private func complaints(_ text: String) -> [String] {
    do {
      _ = try translate(text)
      return []
    } catch {
      return (error as? PipelineError)?.diagnostics.map(\.description) ?? ["\(error)"]
    }
  }

  @Test func `A model in the cache is found by its name and revision`() throws {
    let text = "merge_method: linear\nmodels: [{model: org/name@abc1234, parameters: {weight: 1}}]\n"
    let sources = try translate(text).pipeline["sources"]
    #expect(sources?["name"]?.string?.hasSuffix("hub/models--org--name/snapshots/abc1234") == true)
  }

  @Test func `A model that stands twice in a slice is taken once, with the last layers and the first parameters`()
    throws
  {
    let made = try translate(
      """
      merge_method: linear
      slices:
        - sources:
            - {model: a, layer_range: [0, 2], parameters: {weight: 1}}
            - {model: b, layer_range: [0, 2], parameters: {weight: 3}}
            - {model: a, layer_range: [2, 4], parameters: {weight: 2}}
      """)
    let models = made.pipeline["graph"]?["merged"]?["models"]?.array ?? []
    #expect(models.map { $0["from"]?.string } == ["a-2-4", "b-0-2"] && models.map { $0["weight"]?.int } == [1, 3])
    #expect(made.warnings.count == 1 && made.warnings[0].hasPrefix("r.yml:6:17: slice 1: 'a' is named twice"))
  }

  @Test func `A tokenizer is the pipeline's, with as many rows as tokens where nothing else is said`() throws {
    let plain = try translate(
      "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\ntokenizer_source: base\n")
    #expect(JSON.text(try #require(plain.pipeline["tokenizer"])) == #"{"source":"a","pad_to_multiple_of":1}"#)
    let made = try translate(
      """
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
      tokenizer:
        source: union
        pad_to_multiple_of: 64
        tokens:
          <x>: {source: b, force: true}
          <y>: {source: {kind: model_token, model: a, token: <z>}}
          <w>: {source: {kind: model_token, model: a, token_id: 7}}
          <v>: {source: {kind: zero}}
      """)
    #expect(
      JSON.text(try #require(made.pipeline["tokenizer"]))
        == #"{"source":"union","tokens":[{"token":"<x>","from":"b","force":true},{"token":"<y>","from":"a","from_token":"<z>"},"#
        + #"{"token":"<w>","from":"a","from_row":7},{"token":"<v>","zero":true}],"pad_to_multiple_of":64}"#)
  }

  @Test func `What is wrong with adapters and vocabularies is told with its place`() {
    #expect(
      complaints("merge_method: linear\nmodels: [{model: a+b, parameters: {weight: 1}}]\n").first?.contains(
        "r.yml:2:18: adapter 'b': ") == true)
    #expect(
      complaints(
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\ntokenizer: {pad_to_multiple_of: 0}\n"
      ).first?.hasPrefix("r.yml:3:33: 'tokenizer': 'pad_to_multiple_of' is '0', expected a whole number above 0")
        == true)
    #expect(
      complaints(
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\ntokenizer_source: a\ntokenizer: {source: a}\n"
      ).first?.hasPrefix("r.yml:4:12: 'tokenizer_source' and 'tokenizer' stand together") == true)
  }

  @Test func `The slices of one module are laid before the others are merged into them`() throws {
    let graph = try translate(
      """
      merge_method: passthrough
      modules:
        vision_tower:
          models: [{model: b}]
        text_decoder:
          slices:
            - sources: [{model: a, layer_range: [0, 3]}]
            - sources: [{model: b, layer_range: [1, 4]}]
      """
    ).pipeline["graph"]
    #expect(graph?.object?.map(\.key) == ["text_decoder", "merged"])
    #expect(graph?["merged"]?["base"]?.string == "text_decoder" && graph?["merged"]?["models"]?.array?[0].string == "b")
    #expect(graph?["merged"]?["op"]?.string == "lerp" && graph?["merged"]?["t"]?.int == 1)
  }

  @Test func `Of several results each has its place, and documents that others name have none`() throws {
    let outputs = try translate(
      """
      name: one
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}]
      ---
      name: two
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}]
      ---
      name: three
      merge_method: task_arithmetic
      base_model: base
      models: [{model: two, parameters: {weight: 1}}]
      """
    ).pipeline["outputs"]?.array
    #expect(outputs?.map { $0["from"]?.string } == ["one", "three"])
    #expect(outputs?.map { $0["to"]?.string } == ["merged/one", "merged/three"])
  }

  @Test func `A recipe is told from a pipeline by its suffix or its first words`() {
    func isRecipe(_ text: String, _ file: String? = nil) -> Bool { RecipeText.isRecipe(Array(text.utf8), file: file) }
    #expect(isRecipe("{}", "a.yml") && isRecipe("", "a.yaml") && isRecipe("x: 1\nmerge_method: ties\n"))
    #expect(!isRecipe("  {\"merge_method\": 1}") && !isRecipe("") && !isRecipe("x: 1\n", "a.json"))
  }

  @Test func `Recipes without end are refused`() {
    let long = "merge_method: linear\nmodels:\n" + String(repeating: "# remark\n", count: 500_000)
    #expect(complaints(long) == ["r.yml: more than 4 MiB, expected a recipe"])
    let wide = "merge_method: linear\nmodels:\n" + String(repeating: "- {}\n", count: 5000)
    #expect((100...200).contains(complaints(wide).count))
  }
}
