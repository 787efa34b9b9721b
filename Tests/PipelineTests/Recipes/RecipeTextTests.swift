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
      let lora = "hub/models--org--lora"
      for path in [lora, "\(lora)/snapshots", "\(lora)/snapshots/def5678", "\(lora)/refs"] {
        try makeFolder(scene.path(path))
      }
      try writeFile(scene.path("\(lora)/refs/v1"), "def5678")
      try writeFile(scene.path("\(lora)/snapshots/def5678/adapter_config.json"), "{}")
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

  @Test func `An adapter in the cache is found by its own name and revision`() throws {
    let text = "merge_method: linear\nmodels: [{model: org/name+org/lora@v1, parameters: {weight: 1}}]\n"
    let sources = try translate(text).pipeline["sources"]
    #expect(sources?["name"]?.string?.hasSuffix("models--org--name/snapshots/abc1234") == true)
    #expect(sources?["def5678"]?["adapter"] == nil && sources?["lora"]?["base"]?.string == "name")
    #expect(sources?["lora"]?["adapter"]?.string?.hasSuffix("models--org--lora/snapshots/def5678") == true)
    // A revision that is not there is told, with those that are.
    let told = complaints(text.replacing("@v1", with: "@v2"))
    #expect(told.count == 1 && told[0].hasPrefix("r.yml:2:18: adapter 'org/lora@v2': the model cache '"))
    #expect(told.first?.hasSuffix("has no revision 'v2' of it, only 'v1', 'def5678'") == true)
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

  @Test(arguments: [
    ("models:\n\t- model: a\n", "r.yml:2:1: not YAML while scanning", "; the line begins with a tab, expected spaces"),
    ("models:\n  - model: a\n      parameters: {weight: 1}\n", "r.yml:3:17: not YAML", "in the right column"),
    ("models:\n  - model: a\n  parameters: {weight: 1}\n", "r.yml:3:3: not YAML", "in the right column"),
    ("```yaml\nmodels: []\n```\n", "r.yml:1:1: not YAML", "; remove the lines of backticks"),
    ("models:\n  - a\n", "r.yml:2:5: model 1 is 'a', expected '- model: a'", ""),
    ("models: [{model: A}]\n", "r.yml:1:18: model 'A': nothing is at '", "; did you mean 'a'?"),
    ("models: [{model: org/nane}]\n", "r.yml:1:18: model 'org/nane'", "; did you mean 'org/name'?"),
    ("models: [{model: a+b/c}]\n", "r.yml:1:18: adapter 'b/c': nothing is at '", "or give its folder"),
    ("dtype: fp16\n", "r.yml:1:8: 'dtype' is 'fp16', expected", "; did you mean 'float16'?"),
    ("experts: []\n", "r.yml:1:1: a recipe of mergekit-moe, which is not read", ""),
  ])
  func `What people most often do wrong is told with its place and remedy`(
    _ text: String, _ start: String, _ end: String
  ) {
    let isWhole = text.contains("experts") || text.contains("`") || text.contains("\t")
    let told = complaints(isWhole ? text : text + "merge_method: linear\n")
    #expect(told.contains { $0.hasPrefix(start) && $0.hasSuffix(end) }, "\(told)")
  }

  @Test func `Keys that are ignored are told beside what is missing for them`() {
    let told = complaints(
      "merge-method: linear\nmodules:\n  text_decoder:\n    model: [{model: a}]\n    paramters: {weight: 1}\n")
    #expect(
      told.contains { $0.hasPrefix("r.yml:1:1: key 'merge-method' is ignored") && $0.hasSuffix("'merge_method'?") })
    #expect(told.contains { $0.hasPrefix("r.yml:4:5: module 'text_decoder': key 'model' is ignored") })
    #expect(told.contains { $0.hasPrefix("r.yml:5:5: ") && $0.hasSuffix("did you mean 'parameters'?") })
    #expect(told.contains { $0.hasPrefix("r.yml:1:1: key 'merge_method' is missing") })
  }

  @Test func `Misspelt keys of a tokenizer are told with the likely ones`() throws {
    let told = try translate(
      """
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}]
      tokenizer:
        sourc: union
        token: {}
        pad_to_multiple: 8
        tokens:
          <x>: {source: a, forced: true}
      """
    ).warnings
    for (place, word) in [("4:3", "source"), ("5:3", "tokens"), ("6:3", "pad_to_multiple_of"), ("8:22", "force")] {
      #expect(told.contains { $0.hasPrefix("r.yml:\(place): ") && $0.hasSuffix("did you mean '\(word)'?") }, "\(told)")
    }
  }

  /// What planning says of a recipe among the models of the conformance suite, warnings first.
  private func plan(_ text: String) throws -> [String] {
    try withScene { scene in
      try writeFile(scene.path("r.yml"), text.replacing("MODELS", with: "\(ConformanceTests.folder)/models"))
      let text = try PipelineText.read(scene.path("r.yml"))
      do {
        return try text.plan(try text.parse(outputPath: scene.path("out")), options: .test).warnings.map {
          text.worded($0).description
        }
      } catch {
        return (error as? PipelineError)?.diagnostics.map(\.description) ?? ["\(error)"]
      }
    }
  }

  @Test func `Other vocabularies are an error that names the recipe's own remedy`() throws {
    let told = try plan(
      """
      models: [{model: MODELS/words}, {model: MODELS/words-a}]
      merge_method: linear
      parameters: {weight: 0.5}
      """)
    #expect(told.count == 3)
    for line in told {
      #expect(line.contains("r.yml:2:15: node 'merged': "))
      #expect(line.hasSuffix("add 'tokenizer_source: union', or a model's path instead of 'union'"))
    }
  }

  @Test func `What is wrong with a source is told where the recipe names it`() throws {
    let told = try plan(
      """
      base_model: MODELS/words
      models:
        - model: MODELS/words
        - model: MODELS/moe-a
      merge_method: linear
      parameters: {weight: 0.5}
      tokenizer_source: union
      """)
    #expect(told.count == 1 && told[0].contains("r.yml:4:12: 'tokenizer': 'moe-a' has no tokenizer.json"))
  }

  @Test func `A gamma that removes no element is told, with the tensor`() throws {
    let recipe = """
      base_model: MODELS/base
      models: [{model: MODELS/a}]
      merge_method: breadcrumbs
      parameters: {weight: 1, density: DENSITY, gamma: 0.02}
      """
    let told = try plan(recipe.replacing("DENSITY", with: "0.9"))
    #expect(
      told.count == 1
        && told[0].contains(
          "r.yml:3:15: node 'merged': tensor 'model.layers.0.input_layernorm.weight' and 16 more: 'gamma' 0.02 removes none of 8 elements"
        ), "\(told)")
    #expect(try plan(recipe.replacing("DENSITY", with: "1")) == [])
  }

  @Test func `A module that no tensor belongs to is told`() throws {
    let told = try plan(
      """
      modules:
        text_decodr:
          models: [{model: MODELS/base}, {model: MODELS/a}]
      merge_method: linear
      parameters: {weight: 1}
      """)
    #expect(told.count == 1 && told[0].contains("r.yml:2:3: node 'merged' merges nothing: "), "\(told)")
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
