import TestSupport
import Testing

@testable import WeirIO

/// Tokenizers as their files say them, sound and unsound.
@Suite struct VocabularyTests {
  private func read(_ files: [String: String]) throws(CheckpointError) -> Vocabulary? {
    try Vocabulary.read("m") { (name) throws(CheckpointError) in
      guard let text = files[name] else { throw CheckpointError(.notFound, file: name) }
      return Array(text.utf8)
    }
  }

  private func message(_ files: [String: String]) -> String {
    do throws(CheckpointError) {
      _ = try read(files)
      return ""
    } catch {
      return error.description
    }
  }

  @Test func `Tokens are read from every kind of file`() throws {
    let added = #""added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 0, "content": "a"}]"#
    let pairs = try #require(
      try read(["tokenizer.json": #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}, \#(added)}"#]))
    #expect(pairs.rows == ["a": 0, "b": 1, "<s>": 3])
    #expect(pairs.added.map(\.content) == ["a", "<s>"])
    #expect(pairs.rowCount == 4 && pairs.model == "BPE")
    let list = try read([
      "tokenizer.json": #"{"model": {"type": "Unigram", "vocab": [["a", -1.5], ["b", 0]]}, "added_tokens": null}"#
    ])
    #expect(list?.rows == ["a": 0, "b": 1])
    let plain = try read(["vocab.json": #"{"a": 0}"#, "added_tokens.json": #"{"<x>": 1}"#])
    #expect(plain?.rows == ["a": 0, "<x>": 1] && plain?.model == nil && plain?.added.count == 1)
    #expect(try read([:]) == nil)
  }

  @Test(arguments: [
    ("[]", "found an array, expected an object with 'model'"), ("{", "m/tokenizer.json:1:2"),
    (#"{"model": {}}"#, "expected a 'vocab' in 'model'"), (#"{"model": {"vocab": 1}}"#, "found a number"),
    (#"{"model": {"vocab": {"a": "0"}}}"#, "found a string, expected the number of a row"),
    (#"{"model": {"vocab": {"a": -1}}}"#, "row -1 for token 'a'"),
    (#"{"model": {"vocab": {"a": 4294967296}}}"#, "row 4294967296 for token 'a'"),
    (#"{"model": {"vocab": {"a": 0.5}}}"#, "expected the number of a row"),
    (#"{"model": {"vocab": {"a": 0, "b": 0}}}"#, "row 0 for both 'a' and 'b'"),
    (#"{"model": {"vocab": {"a": 0, "a": 1}}}"#, "m/tokenizer.json:1"),
    (#"{"model": {"vocab": [["a"], 3]}}"#, "expected a token and its score"),
    (#"{"model": {"vocab": {"a": 0}}, "added_tokens": {}}"#, "expected an array of added tokens"),
    (
      #"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}"#, "expected an added token with 'content' and 'id'"
    ),
    (#"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 0, "content": "b"}]}"#, "row 0 for both 'a' and 'b'"),
    (#"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": "a"}]}"#, "rows 0 and 1 for token 'a'"),
  ])
  func `What is no tokenizer is refused with its place`(_ text: String, _ expected: String) {
    #expect(message(["tokenizer.json": text]).contains(expected), "\(message(["tokenizer.json": text]))")
  }

  @Test(arguments: ["tokenizer.model", "spiece.model", "vocab.txt", "tekken.json"])
  func `Tokens in a file that is not read are refused with the remedy`(_ name: String) {
    #expect(
      message([name: "x"])
        == "m/\(name): the tokens stand in '\(name)' alone, which is not read, expected a 'tokenizer.json'; load the "
        + "tokenizer with the transformers library and save it")
  }
}

/// The tokens of outputs, and the files that hold them.
@Suite struct OutputVocabularyTests {
  private func vocabulary(_ text: String) throws -> Vocabulary {
    let read = try Vocabulary.read("m") { (name) throws(CheckpointError) in
      guard name == "tokenizer.json" else { throw CheckpointError(.notFound, file: name) }
      return Array(text.utf8)
    }
    return try #require(read)
  }

  private static let base =
    #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "added_tokens": [{"id": 3, "content": "<s>", "special": true}]}"#
  private static let other =
    #"{"model": {"type": "BPE", "vocab": {"b": 0, "d": 5, "c": 1, "ab": 2}, "merges": []}, "added_tokens": [{"id": 7, "content": "<t>", "special": true, "lstrip": true}, {"id": 3, "content": "<s>", "lstrip": true}, {"id": 2, "content": "ab"}]}"#

  @Test func `A union keeps the first's rows and appends plain tokens, then added ones, the first definition holding`()
    throws
  {
    var union = OutputVocabulary(try vocabulary(Self.base), limit: 4)
    union.unite([(try vocabulary(Self.other), 8)])
    #expect(union.rows == ["a": 0, "b": 1, "ab": 2, "<s>": 3, "c": 4, "d": 5, "<t>": 6])
    #expect(union.rowCount == 7 && union.newCount == 3)
    union.append("<x>")
    union.append("a")
    #expect(union.rows["<x>"] == 7 && union.newCount == 4)
    let made = try JSON.parse(try union.tokenizer(from: Array(Self.base.utf8)))
    let entries = try #require(made["added_tokens"]?.array)
    // A token that is plain in one and added in the other is added in the output.
    #expect(entries.compactMap { $0["content"]?.string } == ["ab", "<s>", "c", "d", "<t>", "<x>"])
    #expect(entries.compactMap { $0["id"]?.int } == [2, 3, 4, 5, 6, 7])
    #expect(entries[4]["lstrip"]?.bool == true && entries[1]["lstrip"] == nil)
    #expect(entries[2]["normalized"]?.bool == true && entries[2]["special"]?.bool == false)
    #expect(made["model"]?["merges"]?.array?.count == 1)
    let config = try JSON.parse(
      try union.config(from: Array(#"{"added_tokens_decoder": {"3": {"content": "<s>"}}, "x": 1}"#.utf8), path: "c"))
    #expect(config["added_tokens_decoder"]?.object?.map(\.key) == ["2", "3", "4", "5", "6", "7"])
    #expect(config["added_tokens_decoder"]?["6"]?["content"]?.string == "<t>" && config["x"]?.int == 1)
  }

  @Test func `Tokens beyond a model's rows are ignored, and left out of the owner's files`() throws {
    var union = OutputVocabulary(try vocabulary(Self.base), limit: 2)
    #expect(!union.isOwners && union.stripped == ["ab", "<s>"])
    union.unite([(try vocabulary(Self.other), 2)])
    #expect(union.rows == ["a": 0, "b": 1, "c": 2])
    let made = try JSON.parse(try union.tokenizer(from: Array(Self.base.utf8)))
    #expect(made["model"]?["vocab"]?.object?.map(\.key) == ["a", "b"])
    #expect(made["model"]?["merges"]?.array?.isEmpty == true)
    #expect(made["added_tokens"]?.array?.count == 1)
    let unigram = try vocabulary(#"{"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 1}}}"#)
    #expect(throws: CheckpointError.self) {
      try OutputVocabulary(unigram, limit: 1).tokenizer(
        from: Array(#"{"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 1}}}"#.utf8))
    }
  }

  @Test func `Files of tokenizers are told from others`() {
    for name in [
      "tokenizer.json", "tokenizer_config.json", "added_tokens.json", "vocab.txt", "merges.txt", "spiece.model",
    ] {
      #expect(OutputVocabulary.isTokenizerFile(name))
    }
    for name in ["generation_config.json", "chat_template.jinja", "preprocessor_config.json", "1_Pooling/config.json"] {
      #expect(!OutputVocabulary.isTokenizerFile(name))
    }
    #expect(OutputVocabulary.isSlowFile("merges.txt") && !OutputVocabulary.isSlowFile("tokenizer.json"))
  }
}
