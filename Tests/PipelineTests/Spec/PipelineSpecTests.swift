import Testing
import WeirPipeline
import WeirTensors

struct PipelineSpecTests {
  @Test func `What the design shows is read as it stands`() throws {
    let spec = try parse(
      """
      {
        "weir": 1, "note": "two experts",
        "sources": { "base": "models/base", "math": "/models/math", "code": { "path": "code", "note": "mine" } },
        "graph": {
          "merged": {
            "op": "ties", "base": "base",
            "models": [ { "from": "math", "weight": 0.6 }, { "from": "code", "weight": 0.4, "note": "x" }, "math" ],
            "density": [ { "for": "*.mlp.*", "ramp": [0.1, 0.5] }, { "value": 0.2 } ],
            "lambda": 1.0
          },
          "change": { "op": "subtract", "inputs": ["merged", "base"] }
        },
        "outputs": [
          { "from": "merged", "to": "out/merged", "dtype": "bf16", "shard_size": "5GB" },
          { "from": "change", "to": "out/change.safetensors" }
        ]
      }
      """, folder: "work")
    #expect(spec.note == "two experts")
    #expect(spec.sources.map(\.path) == ["work/models/base", "/models/math", "work/code"])
    #expect(spec.nodes.map(\.name.name) == ["merged", "change"])
    #expect(spec.warnings.isEmpty)

    let merged = try #require(spec.nodes.first)
    #expect(merged.op == "ties" && merged.base?.name == "base")
    #expect(merged.models.map(\.from.name) == ["math", "code", "math"])
    #expect(merged.parameter("weight", model: 1)?.content == .number(.constant(0.4)))
    #expect(merged.parameter("weight", model: 2) == nil)
    #expect(merged.parameters["lambda"]?.position == Position(offset: 419, line: 9, column: 17))
    guard case .number(.rules(let rules)) = merged.parameters["density"]?.content else {
      Issue.record("density is not a list of rules")
      return
    }
    #expect(rules.map(\.glob) == [Glob("*.mlp.*"), nil])
    #expect(rules.map(\.value) == [.ramp([0.1, 0.5]), .constant(0.2)])

    #expect(spec.outputs[0].destination == .folder("work/out/merged"))
    #expect(spec.outputs[0].dtype.resolve("x") == .bf16)
    #expect(spec.outputs[0].shardBytes == 5_000_000_000)
    #expect(spec.outputs[1].destination == .file("work/out/change.safetensors"))
    #expect(spec.outputs[1].dtype == .same)
  }

  @Test func `What a pipeline leaves out has its default`() throws {
    let spec = try parse(pipeline(node: #"{"op": "mean", "inputs": ["a", "b"]}"#))
    let node = try #require(spec.nodes.first)
    #expect(node.parameters.isEmpty && node.parts.isEmpty && node.rename.isEmpty && node.base == nil)
    #expect(node.filter == .all && node.onMissing == .error && node.onMismatch == .error)
    #expect(spec.nanPolicy == .error && spec.note == nil && spec.file == "p.json")
    #expect(spec.outputs[0].shardBytes == OutputSpec.defaultShardBytes && spec.outputs[0].filter == .all)
  }

  @Test func `An output may name a source, and a graph may be absent`() throws {
    let spec = try parse(#"{"weir": 1, "sources": {"a": "x"}, "outputs": [{"from": "a", "to": "y"}]}"#)
    #expect(spec.nodes.isEmpty && spec.sources.map(\.name.name) == ["a"] && spec.outputs[0].from.name == "a")
  }

  // MARK: Variables

  static let scaled = pipeline(
    node: #"{"op": "scale", "inputs": [{"var": "from"}], "factor": {"var": "factor", "note": "tuned"}}"#,
    more: #" "variables": {"from": "a", "factor": {"ramp": [0.5, 1]}},"#)

  @Test func `A variable stands for any value`() throws {
    let node = try #require(try parse(Self.scaled).nodes.first)
    #expect(node.models.map(\.from.name) == ["a"])
    #expect(node.parameters["factor"]?.content == .number(.ramp([0.5, 1])))
  }

  @Test(arguments: [
    ("0.25", NumberValue.constant(0.25)), (#"{"ramp": [1, 2]}"#, .ramp([1, 2])), ("1e-1", .constant(0.1)),
  ]) func `An override is read as JSON`(_ text: String, _ expected: NumberValue) throws {
    let node = try parse(Self.scaled, overrides: ["factor": text]).nodes.first
    #expect(node?.parameters["factor"]?.content == .number(expected))
  }

  @Test func `An override that is no JSON is a string`() throws {
    let spec = try parse(
      #"{"weir": 1, "variables": {"at": "x"}, "sources": {"a": {"var": "at"}}, "outputs": [{"from": "a", "to": "y"}]}"#,
      folder: "f", overrides: ["at": "models/base"])
    #expect(spec.sources.map(\.path) == ["f/models/base"])
  }

  @Test func `A node called var is a node`() throws {
    let text = pipeline(
      node: #"{"op": "mean", "inputs": ["var"]}, "var": {"op": "mean", "inputs": ["a"]}"#)
    #expect(try parse(text).nodes.map(\.name.name) == ["var", "n"])
  }

  // MARK: Graph

  @Test func `Nodes come after all that they read, whatever the order of the text`() throws {
    let spec = try parse(
      pipeline(
        node: """
          {"op": "mean", "inputs": ["x", "y"]},
              "x": {"op": "mean", "inputs": ["z", "y"]},
              "z": {"op": "mean", "inputs": ["a"]},
              "idle": {"op": "mean", "inputs": ["n", "b"]},
              "y": {"op": "mean", "inputs": ["z"]}
          """))
    #expect(spec.nodes.map(\.name.name) == ["z", "y", "x", "n"])
    #expect(spec.sources.map(\.name.name) == ["a"])
    #expect(
      spec.warnings.map(\.description) == [
        "p.json:3:15: source 'base' is not used by any output; remove it",
        "p.json:3:45: source 'b' is not used by any output; remove it",
        "p.json:3:57: source 'd' is not used by any output; remove it",
        "p.json:8:5: node 'idle' is not used by any output; remove it",
      ])
  }

  @Test(arguments: [
    (#"{"op": "subtract", "inputs": ["a", "b"]}"#, Space.delta),
    (#"{"op": "subtract", "inputs": ["d", "d"]}"#, .delta),
    (#"{"op": "subtract", "inputs": ["a", "d"]}"#, .weight),
    (#"{"op": "add", "inputs": ["d", "d"]}"#, .delta),
    (#"{"op": "add", "inputs": ["d", "a", "d"]}"#, .weight),
    (#"{"op": "scale", "inputs": ["d"], "factor": 2}"#, .delta),
    (#"{"op": "mean", "inputs": ["a", "b"]}"#, .weight),
    (#"{"op": "ties", "base": "base", "models": ["a", "d"]}"#, .weight),
    (#"{"op": "ties", "models": ["d", "d"]}"#, .delta),
    (#"{"op": "select", "inputs": ["d", "a", "b"]}"#, .weight),
    (#"{"op": "select", "inputs": ["a", "d", "d"]}"#, .delta),
    (#"{"op": "stack", "parts": [{"from": "d", "layers": [0, 2]}]}"#, .delta),
  ]) func `The inputs decide whether a result is a weight or a delta`(_ node: String, _ expected: Space) throws {
    let spec = try parse(pipeline(node: node))
    #expect(spec.nodes.first?.space == expected)
    #expect(spec.space(of: "n") == expected)
  }

  @Test func `Layers are half-open`() throws {
    let parts = #"[{"from": "a", "layers": [0, 24]}, {"from": "b", "layers": [8, 32]}]"#
    let spec = try parse(pipeline(node: #"{"op": "stack", "parts": \#(parts)}"#))
    #expect(spec.nodes.first?.parts.map(\.layers) == [0..<24, 8..<32])
    #expect(spec.nodes.first?.references.map(\.name) == ["a", "b"])
  }

  // MARK: Outputs

  @Test(arguments: [
    ("out", OutputSpec.Destination.folder("w/out")), ("/x/", .folder("/x/")),
    ("m.safetensors", .file("w/m.safetensors")),
    ("m.tv.safetensors", .archive("w/m.tv.safetensors")), ("digest:merged-1", .digest("merged-1")),
    ("digest:", .digest("n")), ("out.v2", .folder("w/out.v2")),
  ]) func `The form of 'to' says what is made`(_ to: String, _ expected: OutputSpec.Destination) throws {
    let outputs = #"[{"from": "n", "to": "\#(to)"}]"#
    let spec = try parse(pipeline(node: #"{"op": "subtract", "inputs": ["a", "b"]}"#, outputs: outputs), folder: "w")
    #expect(spec.outputs.map(\.destination) == [expected])
  }

  @Test func `A place on the command line is relative to the working directory`() throws {
    let text = pipeline(node: #"{"op": "mean", "inputs": ["a"]}"#)
    #expect(try parse(text, folder: "w", output: "o.safetensors").outputs[0].destination == .file("o.safetensors"))
    #expect(try parse(text, folder: "w", output: "digest:x").outputs[0].destination == .digest("x"))
  }

  @Test func `An output has types, sizes, filters and names of its own`() throws {
    let outputs = """
      [{"from": "n", "to": "o", "shard_size": 1000, "include": ["a.*", "b"], "exclude": ["*.bias"],
        "dtype": [{"for": "*.norm.*", "value": "F32"}, {"for": "a.*", "value": "same"}, {"value": "bfloat16"}],
        "rename": [{"from": "a.*", "to": "x.*"}, {"from": "*", "to": "y.*"}]}]
      """
    let output = try parse(pipeline(node: #"{"op": "mean", "inputs": ["a"]}"#, outputs: outputs)).outputs[0]
    #expect(output.shardBytes == 1000)
    #expect(["a.norm.w", "a.w", "b"].map(output.dtype.resolve) == [.f32, nil, .bf16])
    #expect(["a.w", "a.bias", "b", "c"].map(output.filter.admits) == [true, false, true, false])
    #expect(["a.w", "c"].map(output.rename.apply) == ["x.w", "y.c"])
  }

  @Test func `The policy for NaN and the rules for mismatches are read`() throws {
    let rules = #""on_missing": "skip_model", "on_mismatch": "skip_model""#
    let spec = try parse(
      pipeline(
        node: #"{"op": "ties", "base": "base", "models": ["a"], \#(rules)}"#,
        more: #" "nan": "propagate", "$schema": "pipeline.schema.json","#))
    #expect(spec.nanPolicy == .propagate)
    #expect(spec.nodes.first?.onMissing == .skipModel && spec.nodes.first?.onMismatch == .skipModel)
  }
}
