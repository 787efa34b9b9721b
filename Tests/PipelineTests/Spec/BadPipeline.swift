import Testing
import WeirPipeline

/// One case of Tests/Fixtures/pipelines/bad.txt.
struct BadPipeline: Sendable, CustomTestStringConvertible {
  var name = ""
  var text: [String] = []
  var node: String?
  var outputs: String?
  var more = ""
  var overrides: [String: String] = [:]
  var output: String?
  var expected: [String] = []

  var testDescription: String { name }

  var complaints: [String] {
    let whole =
      node.map { pipeline(node: $0, outputs: outputs ?? #"[{"from": "n", "to": "out"}]"#, more: more) }
      ?? text.joined(separator: "\n")
    return PipelineTests.complaints(whole, overrides: overrides, output: output)
  }

  /// Reads the cases of a file, whose head says how it is written.
  static func cases(in text: String) -> [BadPipeline] {
    var cases: [BadPipeline] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      if let name = value(of: line, after: "==") {
        cases.append(BadPipeline(name: name))
      } else if var last = cases.popLast() {
        last.take(line)
        cases.append(last)
      }
    }
    return cases
  }

  private mutating func take(_ line: Substring) {
    if let line = Self.value(of: line, after: ">") { expected.append(line) }
    if let line = Self.value(of: line, after: "text:") { text.append(line) }
    node = Self.value(of: line, after: "node:") ?? node
    outputs = Self.value(of: line, after: "outputs:") ?? outputs
    more = Self.value(of: line, after: "more:").map { " \($0)" } ?? more
    output = Self.value(of: line, after: "out:") ?? output
    if let pair = Self.value(of: line, after: "set:")?.split(separator: "=", maxSplits: 1), pair.count == 2 {
      overrides[String(pair[0])] = String(pair[1])
    }
  }

  private static func value(of line: Substring, after key: String) -> String? {
    guard line.hasPrefix(key) else { return nil }
    let rest = line.dropFirst(key.count)
    return String(rest.hasPrefix(" ") ? rest.dropFirst() : rest)
  }
}
