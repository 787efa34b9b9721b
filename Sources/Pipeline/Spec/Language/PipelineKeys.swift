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

  static let table = KeyTable([schema, weir, variables, sources, graph, outputs, nan])
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

/// The keys of a source that is more than a path.
enum SourceKeys {
  static let path = Key(
    "path", .name("a path"), required: true,
    "A folder, a `.safetensors` file or an index file; relative to the pipeline's file.")
  static let space = Key(
    "space", Form<Space>.word, "Whether the checkpoint holds a model (`weight`, the default) or a change (`delta`).")

  static let table = KeyTable([path, space]) { key in
    switch key {
    case "archive", "adapter":
      .init(message: "'\(key)' sources are not readable in this version, expected 'path'", standsFor: "path")
    case "base":
      .init(message: "'base' belongs to archives and adapters, which this version does not read; remove it")
    default: nil
    }
  }
}

extension Form<[Named<SourceSpec>]> {
  /// Paths by name, or objects that carry more.
  static var sources: Form {
    let expected = "a path or an object with 'path'"
    let object = Form<(String, Space)>.object("an object with 'path'", SourceKeys.table) { fields, _, _, _ in
      fields[SourceKeys.path].map { ($0, fields[SourceKeys.space] ?? .weight) }
    }
    let entry = Form<(String, Space)>(
      expected,
      schema: { builder in
        builder.define("source") {
          .object([("anyOf", .array([SourceKeys.path.form.bare(builder), object.bare(builder)]))])
        }
      },
      parse: { value, place, reader in
        switch value.content {
        case .string: return SourceKeys.path.form.read(value, at: place, reader).map { ($0, .weight) }
        case .object: return object.read(value, at: place, reader)
        default:
          reader.mismatch(value, at: place, expected: expected)
          return nil
        }
      })
    return .map("an object of names and sources", noun: "source", schema: entry.schema) { name, value, place, reader in
      entry.read(value, at: place, reader).map { path, space in
        SourceSpec(name: name, path: reader.paths.resolve(path), space: space)
      }
    }
  }
}
