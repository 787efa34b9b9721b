import TestSupport
import Testing
import WeirIO

@testable import WeirPipeline

/// Whose config and tokenizer an output gets, and which chat template.
@Suite struct DonorTests {
  /// Three models with configs of their own, of which `a` and `b` have one template and `base` another.
  private func withModels(_ body: (Scene) throws -> Void) throws {
    try withScene { scene in
      for (name, template) in [("base", "{{ old }}"), ("a", "{{ new }}"), ("b", "{{ new }}")] {
        try scene.add(name, [TestTensor("layers.0.w", [1, 2])], config: #"{"model_type": "\#(name)"}"#)
        try writeFile(
          scene.path("\(name)/tokenizer_config.json"), #"{"chat_template": "\#(template)", "pad": "\#(name)"}"#)
      }
      try writeFile(scene.path("base/chat_template.jinja"), "{{ old }}")
      try writeFile(scene.path("base/chat_template.json"), #"{"chat_template": "{{ old }}"}"#)
      try body(scene)
    }
  }

  private func run(_ scene: Scene, _ more: String) throws {
    try scene.run(
      pipeline(
        ["a", "b", "base"], graph: [("n", #"{"op": "linear", "models": ["a", "b"]}"#)], outputs: [("n", "out")],
        outputMore: more))
  }

  @Test func `The donor gives config and side files, whatever leads`() throws {
    try withModels { scene in
      try run(scene, #", "donor": "base""#)
      #expect(try scene.text("out/config.json").contains("base"))
      #expect(try scene.text("out/tokenizer_config.json").contains("base"))
      #expect(try scene.text("out/chat_template.jinja") == "{{ old }}")
    }
  }

  @Test func `A template stands in a file of its own and in the tokenizer's config, and nowhere else`() throws {
    try withModels { scene in
      try run(scene, #", "donor": "base", "chat_template": "{{ mine }}""#)
      #expect(try scene.text("out/chat_template.jinja") == "{{ mine }}")
      let config = try JSON.parse(scene.text("out/tokenizer_config.json"))
      #expect(config["chat_template"]?.string == "{{ mine }}" && config["pad"]?.string == "base")
      #expect(try !scene.names("out").contains("chat_template.json"))
    }
  }

  @Test func `Of the models' templates the one that most have is taken, and of equal counts the donor's`() throws {
    try withModels { scene in
      try run(scene, #", "donor": "base", "chat_template": "auto""#)
      #expect(try scene.text("out/chat_template.jinja") == "{{ new }}")
      try writeFile(scene.path("b/tokenizer_config.json"), "{}")
      try scene.run(
        pipeline(
          ["a", "b", "base"], graph: [("n", #"{"op": "linear", "models": ["a", "b"]}"#)], outputs: [("n", "other")],
          outputMore: #", "donor": "base", "chat_template": "auto""#))
      #expect(try scene.text("other/chat_template.jinja") == "{{ old }}")
    }
  }

  @Test func `Names stand for templates, and other words for none`() {
    #expect(ChatTemplate("auto") == .auto && ChatTemplate("{% x %}") == .text("{% x %}"))
    for name in ChatTemplate.names.dropFirst() {
      guard case .text(let text)? = ChatTemplate(name) else {
        Issue.record("\(name)")
        continue
      }
      #expect(text.contains("add_generation_prompt") == (name != "mistral"))
    }
    #expect(ChatTemplate("chatlm") == nil && ChatTemplate("") == nil)
  }
}
