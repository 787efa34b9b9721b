internal import WeirIO

/// The JSON Schema of the pipeline language, made from the tables of keys that the parser reads by.
public enum PipelineSchema {
  /// The schema as it stands in `docs/pipeline.schema.json`, with a line feed at its end.
  public static func text() -> String {
    let builder = SchemaBuilder()
    let pipeline = builder.object(PipelineKeys.table)
    let head: [(String, JSONValue)] = [
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string("Weir pipeline")),
      ("description", .string("A graph of operations from model checkpoints to model checkpoints.")),
    ]
    let body = (pipeline.object ?? []).map { ($0.key, $0.value) }
    let schema = JSONValue.object(head + body + [("$defs", .object(builder.definitions))])
    return JSON.text(schema, indent: 2) + "\n"
  }
}
