internal import WeirIO

/// The keys of a pipeline.
enum PipelineKeys {
  /// The version of the language that this program reads.
  static let version = 1

  static let schema = Key("$schema", .text("the address of a JSON Schema"), "Lets an editor find the schema.")
  static let weir = Key(
    "weir", Form<Int>.version, required: true, "The version of the language: \(version).")
  static let variables = Key(
    "variables", Form<Void>.variables, "Values by name; `{\"var\": NAME}` uses one, `--set NAME=VALUE` overrides it.")
  static let sources = Key(
    "sources", Form<[Named<SourceSpec>]>.sources, required: true, "The checkpoints that are read, by name.")
  static let graph = Key("graph", Form<[Named<NodeSpec>]>.graph, "The operations, by name; order means nothing.")
  static let outputs = Key(
    "outputs", Form<[OutputSpec]>.list("an array of outputs", of: .output, noun: "output"), required: true,
    "What is written, and where.")
  static let nan = Key(
    "nan", Form<PipelineSpec.NaNPolicy>.word,
    "What a run does where an input holds a NaN or an infinity: `error` (the default) or `propagate`.")

  static let tokenizer = Key(
    "tokenizer", Form<TokenizerSpec>.tokenizer,
    "The one vocabulary to which all models are brought: `union`, the name of a source, or an object that says more.")

  static let table = KeyTable([schema, weir, variables, sources, graph, outputs, nan, tokenizer])
}

extension Form<Int> {
  fileprivate static var version: Form {
    let version = PipelineKeys.version
    let expected = "\(version), the version of the language"
    let schema = JSONValue.object([("const", .number(version))])
    return Form(expected, takesVariable: false, schema: { _ in schema }) { value, place, reader in
      guard value.int == version else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return version
    }
  }
}

extension Form<Void> {
  /// The declared variables. ``Reader/declare(_:overrides:)`` has read them before anything else.
  fileprivate static var variables: Form {
    let schema = JSONValue.object([("type", .string("object"))])
    return Form("an object of names and values", takesVariable: false, schema: { _ in schema }) { _, _, _ in () }
  }
}
