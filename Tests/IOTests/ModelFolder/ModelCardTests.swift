import Testing

@testable import WeirIO

@Suite struct ModelCardTests {
  @Test func `A card names its models, methods and pipeline`() {
    let card = ModelCard(
      title: "merged", baseModels: ["acme/base-7b", "math", "acme/base-7b"], methods: ["ties"],
      pipeline: "{ \"weir\": 1 }\n")
    #expect(
      card.text == """
        ---
        base_model:
        - acme/base-7b
        - math
        library_name: transformers
        tags:
        - weir
        - merge
        ---

        # merged

        These weights were made with Weir from:

        - `acme/base-7b`
        - `math`

        Methods: `ties`.

        ## Pipeline

        The same models and this pipeline give the same bytes again:

        ```json
        { "weir": 1 }
        ```

        """)
  }

  @Test(arguments: [
    ("plain-name_1.5/x", "plain-name_1.5/x"),
    ("7b", "\"7b\""),  // could be read as a number
    ("null", "\"null\""),
    ("a: b", "\"a: b\""),
    ("- x", "\"- x\""),
    ("a\n---\nb", #""a\n---\nb""#),
  ])
  func `A name cannot break the front matter`(_ name: String, _ line: String) {
    let card = ModelCard(title: "t\n---", baseModels: [name], pipeline: "{}", libraryName: nil)
    let lines = card.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[2] == "- \(line)")
    #expect(lines.filter { $0 == "---" }.count == 2)
  }

  @Test func `A pipeline cannot end its own fence`() {
    let card = ModelCard(title: "t", baseModels: [], pipeline: "{\"note\": \"````\"}")
    #expect(card.text.contains("\n`````json\n{\"note\": \"````\"}\n`````\n"))
    #expect(!card.text.contains("base_model"))
  }

  @Test(arguments: [
    ("models/base", "base"), ("models/base/", "base"), ("/a/b/model.safetensors", "b"),
    ("b/model.safetensors.index.json", "b"), ("b/model-00001-of-00002.safetensors", "b"),
    ("b/expert.safetensors", "expert"), ("model.safetensors", "model"),
    ("hub/models--acme--base-7b/snapshots/0a1b", "acme/base-7b"),
    ("hub/models--acme--base-7b/snapshots/0a1b/model.safetensors", "acme/base-7b"),
    ("hub/models--gpt2/snapshots/0a1b", "gpt2"),
  ])
  func `A path has the name that people know the model by`(_ path: String, _ name: String) {
    #expect(ModelCard.modelName(of: path) == name)
  }
}
