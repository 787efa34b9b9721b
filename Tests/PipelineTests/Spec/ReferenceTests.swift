import Foundation
import Testing
import WeirIO
import WeirOps
import WeirPipeline

struct ReferenceTests {
  @Test func `The schema is JSON, and all its references lead somewhere`() throws {
    let schema = try JSON.parse(PipelineSchema.text())
    let names = Set(schema["$defs"]?.object?.map(\.key) ?? [])
    #expect(names.contains("variable") && names.contains("node"))
    let references = PipelineSchema.text().split(separator: "\"#/$defs/").dropFirst()
    for reference in references {
      let name = try #require(String(reference.prefix { $0 != "\"" }).removingPercentEncoding)
      #expect(names.contains(name), "\(name)")
    }
  }

  @Test func `The schema knows every operation and every parameter`() throws {
    let definitions = try #require(try JSON.parse(PipelineSchema.text())["$defs"])
    let operations = MethodReference.declarations.map { ("node \($0.name)", $0) }
    let codecs = MethodReference.codecs.flatMap { [("archive \($0.name)", $0), ("codec rule \($0.name)", $0)] }
    for (name, declaration) in operations + codecs {
      let properties = try #require(definitions[name]?["properties"])
      for parameter in declaration.parameters {
        #expect(properties[parameter.name]?["description"]?.string?.hasPrefix(parameter.summary) == true)
      }
    }
  }

  static let remedy: Comment = "WEIR_WRITE_DOCS=1 swift test --filter ReferenceTests writes the documents anew"

  @Test func `docs/pipeline.schema.json is what 'weir schema' prints`() throws {
    #expect(try isCurrent("docs/pipeline.schema.json", PipelineSchema.text()), Self.remedy)
  }

  @Test func `docs/methods.md is what the declarations say`() throws {
    #expect(try isCurrent("docs/methods.md", MethodReference.markdown()), Self.remedy)
  }

  @Test(arguments: MethodReference.declarations.map(\.name))
  func `The example of an operation is a node that parses`(_ name: String) throws {
    let declaration = try #require(MethodReference.declarations.first { $0.name == name })
    let body = try JSON.parse(declaration.example)
    let models = body[declaration.inputs == .parts ? "parts" : "models"] ?? body["inputs"]
    let inputs = (models?.array ?? []).compactMap { $0.string ?? $0["from"]?.string }
    let changes = declaration.signature == .sum ? Set(inputs.dropFirst()) : []
    let names = Set(inputs + (body["base"]?.string.map { [$0] } ?? []))
    var sources = names.sorted().map {
      #""\#($0)": {"path": "x", "space": "\#(changes.contains($0) ? "delta" : "weight")"}"#
    }
    // What parameters name beside the models.
    for parameter in declaration.parameters {
      let given = ([body] + (models?.array ?? [])).compactMap { $0[parameter.name]?.string }
      switch parameter.kind {
      case .tensors: sources += given.map { #""\#($0)": "x""# }
      case .coefficients: sources += given.map { #""\#($0)": {"coefficients": "x"}"# }
      default: break
      }
    }
    let text = """
      {"weir": 1, "sources": {\(sources.joined(separator: ", "))}, "graph": {"n": \(declaration.example)},
      "outputs": [{"from": "n", "to": "o"}]}
      """
    #expect(complaints(text) == [])
    #expect(try parse(text).nodes.first?.op == name)
  }

  @Test(arguments: MethodReference.codecs.map(\.name))
  func `The example of a codec is an output that parses`(_ name: String) throws {
    let codec = try #require(MethodReference.codecs.first { $0.name == name })
    let text = """
      {"weir": 1, "sources": {"base": "x", "tuned": "y"},
      "graph": {"change": {"op": "subtract", "inputs": ["tuned", "base"]}}, "outputs": [\(codec.example)]}
      """
    let archive = try #require(try parse(text).outputs.first?.archive)
    #expect(archive.rules.contains { $0.codec.name == name } && archive.base?.name == "base")
  }

  @Test func `No parameter of a codec has the name of a key that outputs have anyway`() {
    let taken = [
      "from", "to", "dtype", "shard_size", "codec", "base", "target_size", "include", "exclude", "rename", "note",
      "for",
    ]
    for codec in MethodReference.codecs {
      for parameter in codec.parameters { #expect(!taken.contains(parameter.name) && parameter.standard != nil) }
    }
  }

  @Test func `No parameter has the name of a key that nodes have anyway`() {
    let taken = [
      "op", "base", "models", "inputs", "parts", "include", "exclude", "rename", "on_missing", "on_mismatch", "note",
      "from", "var",
    ]
    for declaration in MethodReference.declarations {
      for parameter in declaration.parameters { #expect(!taken.contains(parameter.name)) }
    }
  }

  @Test func `A page says what an operation takes`() throws {
    let page = try #require(MethodReference.page(named: "trim"))
    #expect(page.hasPrefix("trim: Keeps the elements of largest magnitude and zeroes the others\n\n  out = "))
    #expect(page.contains("  density  required  a number in [0, 1]"))
    #expect(page.hasSuffix(#"  {"op": "trim", "inputs": ["change"], "density": 0.05}"# + "\n"))
    #expect(MethodReference.page(named: "trimm") == nil)
  }

  @Test func `Operation and codec of one name have both their pages`() throws {
    let page = try #require(MethodReference.page(named: "sign"))
    #expect(page.hasPrefix("sign: ") && page.contains("\n\nsign (codec): Keeps one bit per element"))
    #expect(try #require(MethodReference.page(named: "ternary")).hasPrefix("ternary (codec): "))
  }

  @Test func `Every operation is listed and documented`() {
    let list = MethodReference.list()
    let document = MethodReference.markdown()
    for declaration in MethodReference.declarations {
      #expect(list.contains("  \(declaration.name)  ") || list.contains("  \(declaration.name) "))
      #expect(document.contains("\n### \(declaration.name)\n"))
    }
    for codec in MethodReference.codecs {
      #expect(list.contains("  \(codec.name) "))
      #expect(document.contains("\n### codec \(codec.name)\n"))
    }
  }
}
