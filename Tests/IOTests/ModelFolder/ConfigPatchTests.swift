import Testing
import WeirTensors

@testable import WeirIO

/// Patches a config given as text and writes the result on one line.
private func patched(_ text: String, _ patch: ConfigPatch) throws -> (text: String, notes: [String]) {
  let result = patch.applied(to: try JSON.parse(text))
  return (JSON.text(result.config), result.notes)
}

@Suite struct ConfigPatchTests {
  @Test(arguments: [
    (#"{"torch_dtype":"float32"}"#, #"{"torch_dtype":"bfloat16"}"#),
    (#"{"dtype":"float32","x":1.50}"#, #"{"dtype":"bfloat16","x":1.50}"#),
    (#"{"dtype":null,"torch_dtype":"float32"}"#, #"{"dtype":"bfloat16","torch_dtype":"bfloat16"}"#),
    (#"{"x":1}"#, #"{"x":1,"torch_dtype":"bfloat16"}"#),  // neither: added
    (
      #"{"text_config":{"dtype":"float32"},"vision_config":{"torch_dtype":"float32"},"audio_config":{}}"#,
      #"{"text_config":{"dtype":"bfloat16"},"vision_config":{"torch_dtype":"bfloat16"},"audio_config":{},"#
        + #""torch_dtype":"bfloat16"}"#
    ),
    (
      #"{"dtype":"float32","quantization_config":{"dtype":"float32"}}"#,  // another meaning of the word
      #"{"dtype":"bfloat16","quantization_config":{"dtype":"float32"}}"#
    ),
  ])
  func `The dtype stands under the keys that are there`(_ before: String, _ after: String) throws {
    let result = try patched(before, ConfigPatch(dtype: .bf16))
    #expect(result.text == after)
    #expect(result.notes == [])
  }

  @Test func `A config that needs no change is copied byte for byte`() throws {
    let bytes = Array("{ \"torch_dtype\" :\"float16\", \"num_hidden_layers\": 2 }\n\n".utf8)
    let layers = ConfigPatch.Layers(sourceCount: 2, sources: [0, 1])
    let result = ConfigPatch(dtype: .f16, layers: layers).applied(to: try JSON.parse(bytes))
    #expect(!result.isChanged)
    #expect(result.bytes(original: bytes) == bytes)
    let untyped = ConfigPatch(dtype: .i32).applied(to: try JSON.parse("{}"))  // no such name in a config
    #expect(!untyped.isChanged)
  }

  @Test func `A changed config is indented by two and keeps order and numbers`() throws {
    let result = ConfigPatch(dtype: .f32).applied(to: try JSON.parse(#"{"z":1e-05,"a":[1,2],"torch_dtype":"float16"}"#))
    #expect(
      String(decoding: result.bytes(original: []), as: UTF8.self) == """
        {
          "z": 1e-05,
          "a": [
            1,
            2
          ],
          "torch_dtype": "float32"
        }

        """)
  }

  @Test func `Stacked layers change the count and every list of one value per layer`() throws {
    let result = try patched(
      #"{"architectures":["A","B","C"],"eos_token_id":[1,2,3],"layer_types":["full","slide","full"],"#
        + #""mlp_only_layers":[1],"num_hidden_layers":3,"num_attention_heads":3,"block_configs":[{"n":0},{"n":1},{"n":2}],"#
        + #""short":[1,2]}"#,
      ConfigPatch(layers: .init(sourceCount: 3, sources: [0, 1, 1, 2])))
    #expect(
      result.text
        == #"{"architectures":["A","B","C"],"eos_token_id":[1,2,3],"layer_types":["full","slide","slide","full"],"#
        + #""mlp_only_layers":[1,2],"num_hidden_layers":4,"num_attention_heads":3,"#
        + #""block_configs":[{"n":0},{"n":1},{"n":1},{"n":2}],"short":[1,2]}"#)
    #expect(result.notes == [])
  }

  @Test func `As many layers in another order still move the lists`() throws {
    let result = try patched(
      #"{"n_layer":2,"attention_layers":["global","local"]}"#,
      ConfigPatch(layers: .init(sourceCount: 2, sources: [1, 0])))
    #expect(result.text == #"{"n_layer":2,"attention_layers":["local","global"]}"#)
  }

  @Test func `The layers of a nested language model are patched and a vision tower's are not`() throws {
    let result = try patched(
      #"{"text_config":{"num_hidden_layers":2,"layer_types":["a","b"]},"#
        + #""vision_config":{"num_hidden_layers":2,"layer_types":["v","w"]}}"#,
      ConfigPatch(layers: .init(sourceCount: 2, sources: [0, 1, 1])))
    #expect(
      result.text == #"{"text_config":{"num_hidden_layers":3,"layer_types":["a","b","b"]},"#
        + #""vision_config":{"num_hidden_layers":2,"layer_types":["v","w"]}}"#)
  }

  @Test func `A language model two configs deep is found`() throws {
    let result = try patched(
      #"{"thinker_config":{"text_config":{"num_hidden_layers":2}}}"#,
      ConfigPatch(layers: .init(sourceCount: 2, sources: [0])))
    #expect(result.text == #"{"thinker_config":{"text_config":{"num_hidden_layers":1}}}"#)
  }

  @Test func `A count that is not found is told`() throws {
    let result = try patched(#"{"depth":2}"#, ConfigPatch(layers: .init(sourceCount: 2, sources: [0])))
    #expect(result.text == #"{"depth":2}"#)
    #expect(result.notes == ["config.json: no layer count of 2, expected one to set to 1; set it by hand"])
  }

  @Test func `A key with control characters is escaped in notes`() throws {
    let result = try patched(
      #"{"num_hidden_layers":1,"\u001b[2J":["a"]}"#, ConfigPatch(layers: .init(sourceCount: 1, sources: [0, 1])))
    #expect(
      result.notes == [#"config.json: '\u{1b}[2J' has no value for layer 1, took the last; check it"#])
  }

  @Test func `A layer from a deeper model takes the last value and says so`() throws {
    let result = try patched(
      #"{"num_hidden_layers":2,"layer_types":["a","b"]}"#,
      ConfigPatch(layers: .init(sourceCount: 2, sources: [0, 1, 5])))
    #expect(result.text == #"{"num_hidden_layers":3,"layer_types":["a","b","b"]}"#)
    #expect(result.notes == ["config.json: 'layer_types' has no value for layer 5, took the last; check it"])
  }

  @Test func `A config that is no object is left alone`() throws {
    let result = try patched("[1]", ConfigPatch(dtype: .bf16))
    #expect(result.text == "[1]")
    #expect(result.notes == ["config.json: an array, expected an object"])
  }
}
