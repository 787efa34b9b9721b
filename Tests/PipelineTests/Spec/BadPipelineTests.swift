import Testing
import WeirPipeline

struct BadPipelineTests {
  static let cases = BadPipeline.cases(in: repositoryFile("Tests/Fixtures/pipelines/bad.txt") ?? "")

  @Test func `The table of wrong pipelines is read`() {
    #expect(Self.cases.count >= 80)
    #expect(Self.cases.allSatisfy { !$0.expected.isEmpty })
  }

  @Test(arguments: cases) func `A wrong pipeline is told all that is wrong with it`(_ pipeline: BadPipeline) {
    #expect(pipeline.complaints == pipeline.expected)
  }

  @Test(arguments: cases) func `A diagnostic is one line without a final full stop`(_ pipeline: BadPipeline) {
    for line in pipeline.complaints {
      #expect(!line.contains("\n") && !line.hasSuffix("."))
    }
  }

  @Test func `A pipeline without a file is told the line and column alone`() {
    #expect(complaints("[]", file: nil) == ["1:1: the pipeline is an empty array, expected an object"])
  }

  @Test func `A name that would break the line is escaped in a message`() {
    let lines = complaints(pipeline(node: #"{"op": "mean", "inputs": ["a\nb"]}"#))
    let expected = "p.json:5:36: node 'n', input 1 has a control character in it, expected the name of a node or source"
    #expect(lines == [expected])
    let key = complaints(pipeline(node: #"{"op": "mean", "inputs": ["a"], "x\ny": 1}"#))
    #expect(key.count == 1 && key[0].contains(#"unknown key 'x\u{a}y'"#))
  }

  @Test(arguments: [0, 1, 100, 255, 256, 257, 1000])
  func `Columns count characters, however long the line and whatever stands before it`(_ count: Int) {
    let text = "\n\n{\"weir\": 1, \"note\": \"\(String(repeating: "é", count: count))\", \"x\": 1}"
    #expect(complaints(text).last?.hasPrefix("p.json:3:\(25 + count): unknown key 'x'") == true)
  }

  @Test func `Errors without end are counted, not listed`() {
    let inputs = (0..<500).map { #""x\#($0)""# }.joined(separator: ", ")
    let lines = complaints(pipeline(node: #"{"op": "mean", "inputs": [\#(inputs)]}"#))
    #expect(lines.count == 201 && lines.last == "p.json: 300 errors more")
  }

  @Test func `No change of a byte makes the parser trap`() {
    let text = Array(
      pipeline(
        node: #"{"op": "ties", "base": "base", "models": [{"from": "a", "weight": {"var": "w"}}, "d"], "#
          + #""density": [{"for": "*.mlp.*", "ramp": [0.1, 0.5]}, {"value": 0.2}], "rename": [{"from": "*", "to": "*"}]}"#,
        more: #" "variables": {"w": 0.5},"#
      ).utf8)
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let bytes = Array(#"{}[]",:0-.e *digestopnulvar\#u{E9}\"#.utf8)
    for _ in 0..<2000 {
      var changed = text
      for _ in 0...random(3) {
        let place = random(changed.count)
        switch random(3) {
        case 0: changed[place] = bytes[random(bytes.count)]
        case 1: changed.insert(bytes[random(bytes.count)], at: place)
        default: changed.remove(at: place)
        }
      }
      do {
        _ = try PipelineSpec.parse(text: changed)
      } catch {
        #expect(error.kind == .request && !error.diagnostics.isEmpty)
      }
    }
  }

  @Test func `A chain of nodes as long as a text can hold does not exhaust the stack`() throws {
    let count = 10_000
    let nodes = (1..<count).map { #""n\#($0)": {"op": "mean", "inputs": ["n\#($0 - 1)"]}"# }
    let text = """
      {"weir": 1, "sources": {"n0": "m"}, "graph": {\(nodes.joined(separator: ","))},
      "outputs": [{"from": "n\(count - 1)", "to": "o"}]}
      """
    #expect(complaints(text).map { $0.contains("node 'n501' lies 501 nodes deep") } == [true])
  }
}
