import Testing
import WeirPipeline
import WeirTensors

struct ArchiveSpecTests {
  /// A pipeline of a change `c` and a model `m` over the sources `base`, `a` and the archive `x` that applies to `base`.
  private func outputs(_ text: String) throws(PipelineError) -> PipelineSpec {
    try parse(
      """
      {"weir": 1, "sources": {"base": "p/base", "a": "p/a", "x": {"archive": "x.tv.safetensors", "base": "base"}},
      "graph": {"c": {"op": "subtract", "inputs": ["a", "base"]}, "m": {"op": "mean", "inputs": ["a", "base"]}},
      "outputs": [\(text)]}
      """, folder: "w")
  }

  // MARK: Sources

  @Test func `An archive with a base is a weight, without one a delta`() throws {
    let spec = try parse(
      """
      {"weir": 1, "sources": {"base": "b", "code": {"archive": "code.tv.safetensors", "base": "base", "note": "mine"},
      "math": {"archive": "/m.tv.safetensors"}},
      "graph": {"n": {"op": "ties", "base": "base", "models": ["code", "math"]}}, "outputs": [{"from": "n", "to": "o"}]}
      """, folder: "w")
    #expect(spec.sources.map(\.path) == ["w/b", "w/code.tv.safetensors", "/m.tv.safetensors"])
    #expect(spec.sources.map(\.space) == [.weight, .weight, .delta])
    #expect(spec.sources.map(\.base?.name) == [nil, "base", nil])
    #expect(spec.sources[0].kind == .checkpoint && spec.sources[2].kind == .archive(base: nil))
  }

  @Test func `A base is needed where only its archive is used`() throws {
    let spec = try outputs(#"{"from": "x", "to": "o"}"#)
    #expect(spec.sources.map(\.name.name) == ["base", "x"])
    #expect(
      spec.warnings.map(\.message) == [
        "source 'a' is not used by any output; remove it", "node 'c' is not used by any output; remove it",
        "node 'm' is not used by any output; remove it",
      ])
  }

  // MARK: Codecs

  @Test func `Without a codec an archive is ternary`() throws {
    let output = try outputs(#"{"from": "c", "to": "o.tv.safetensors"}"#).outputs[0]
    #expect(output.destination == .archive("w/o.tv.safetensors"))
    let rule = try #require(output.archive?.rules.first)
    #expect(rule.codec.name == "ternary" && rule.parameters.isEmpty && rule.glob == nil)
    #expect(output.archive?.rules.count == 1 && output.archive?.targetBytes == nil)
    #expect(try outputs(#"{"from": "c", "to": "o"}"#).outputs[0].archive == nil)
  }

  @Test func `The parameters of a codec stand beside it, and may vary`() throws {
    let archive = try outputs(
      #"{"from": "c", "to": "o.tv.safetensors", "codec": "seeded", "seed": 7, "alpha": 2, "#
        + #""density": [{"for": "*mlp*", "ramp": [0.1, 0.5]}, {"value": 0.2}], "include": ["a*"]}"#
    ).outputs[0].archive
    let rule = try #require(archive?.rules.first)
    #expect(rule.codec.name == "seeded")
    #expect(rule.parameters["seed"]?.content == .number(.constant(7)))
    #expect(rule.parameters["alpha"]?.content == .number(.constant(2)))
    guard case .number(.rules(let rules)) = rule.parameters["density"]?.content else {
      Issue.record("density is not a list of rules")
      return
    }
    #expect(rules.map(\.value) == [.ramp([0.1, 0.5]), .constant(0.2)])
  }

  @Test func `Of several rules the first that matches holds, and ternary for the rest`() throws {
    let archive = try #require(
      try outputs(
        #"{"from": "c", "to": "o.tv.safetensors", "codec": [{"for": "*norm*", "codec": "dense"}, "#
          + #"{"for": "*.mlp.*", "codec": "ternary", "density": 0.2}]}"#
      ).outputs[0].archive)
    #expect(archive.rules.map(\.codec.name) == ["dense", "ternary", "ternary"])
    #expect(archive.rules.map(\.glob) == [Glob("*norm*"), Glob("*.mlp.*"), nil])
    #expect(archive.rule(for: "h.0.mlp.norm")?.codec.name == "dense")
    #expect(archive.rule(for: "h.0.mlp.w")?.parameters["density"]?.content == .number(.constant(0.2)))
    #expect(archive.rule(for: "embed")?.parameters.isEmpty == true)
  }

  @Test func `A variable may stand for a codec, its rules and the place`() throws {
    let spec = try parse(
      """
      {"weir": 1, "variables": {"c": "dense", "r": [{"codec": "sign"}], "to": "x.tv.safetensors"}, "sources": {"d":
      {"path": "d", "space": "delta"}}, "outputs": [{"from": "d", "to": {"var": "to"}, "codec": {"var": "c"}},
      {"from": "d", "to": "y.tv.safetensors", "codec": {"var": "r"}}]}
      """)
    #expect(spec.outputs.map { $0.archive?.rules.map(\.codec.name) } == [["dense"], ["sign"]])
  }

  // MARK: Base

  @Test(arguments: [
    // the second input of a difference
    (#"{"from": "c", "to": "o.tv.safetensors"}"#, "base" as String?),
    // names are then no longer those of the base
    (#"{"from": "c", "to": "o.tv.safetensors", "rename": [{"from": "*", "to": "x.*"}]}"#, nil),
    (#"{"from": "c", "to": "o.tv.safetensors", "base": "a"}"#, "a"),
    (#"{"from": "m", "to": "o.tv.safetensors", "base": "base"}"#, "base"),
    (#"{"from": "a", "to": "o.tv.safetensors", "base": "base", "codec": "lossless"}"#, "base"),
    // an archive's own
    (#"{"from": "x", "to": "o.tv.safetensors"}"#, "base"),
  ]) func `What an archive applies to is said, or told from what it is made of`(_ output: String, _ base: String?)
    throws
  {
    let spec = try outputs(output)
    #expect(spec.outputs[0].archive?.base?.name == base)
    if let base { #expect(spec.sources.contains { $0.name.name == base }) }
  }

  @Test(arguments: [("500MB", 500_000_000), ("1MiB", 1 << 20)])
  func `A size to reach has a unit`(_ size: String, _ bytes: Int) throws {
    let output = #"{"from": "c", "to": "o.tv.safetensors", "target_size": "\#(size)"}"#
    #expect(try outputs(output).outputs[0].archive?.targetBytes == bytes)
  }
}
