import Testing

@testable import WeirIO

@Suite struct SideFilesTests {
  @Test(arguments: [
    "added_tokens.json", "chat_template.jinja", "chat_template.json", "generation_config.json", "merges.txt",
    "modules.json", "preprocessor_config.json", "processor_config.json", "qwen.tiktoken", "sentencepiece.bpe.model",
    "special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer.model", "tokenizer.model.v3",
    "tokenizer_config.json", "video_preprocessor_config.json", "vocab.json", "vocab.txt",
  ])
  func `What a loader needs beside the weights is copied`(_ name: String) { #expect(SideFiles.isSideFile(name)) }

  @Test(arguments: [
    "LICENSE", "README.md", "config.json",  // made anew, or not the output's
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "tokenizer.bin", "tokenizer_x.py",
    "modeling_x.py", "tokenizer.safetensors", "training_args.bin", "tokenizers", ".gitattributes",
  ])
  func `Weights, programs and texts about the model are not`(_ name: String) {
    #expect(!SideFiles.isSideFile(name))
  }

  @Test func `Side files are copied through links, with those of a sentence encoder's steps`() throws {
    let scratch = try Scratch()
    for name in [
      "in/config.json", "in/model.safetensors", "in/vocab.txt", "in/1_Pooling/config.json", "in/1_Pooling/notes.txt",
      "in/onnx/config.json", "in/additional_chat_templates/rag.jinja", "in/additional_chat_templates/x.py",
    ] { try scratch.add(name, name) }
    try scratch.add("blob", "{}")
    try scratch.link("in/tokenizer.json", to: "../blob")
    try scratch.link("in/merges.txt", to: "nowhere")
    try scratch.makeFolder("in/tokenizer.d")
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    let names = try SideFiles.copy(from: scratch.path("in"), into: folder)
    #expect(
      names == ["1_Pooling/config.json", "additional_chat_templates/rag.jinja", "tokenizer.json", "vocab.txt"])
    try folder.commit()
    #expect(
      try scratch.names("out") == ["1_Pooling", "additional_chat_templates", "tokenizer.json", "vocab.txt"])
    #expect(try scratch.text("out/1_Pooling/config.json") == "in/1_Pooling/config.json")
  }
}
