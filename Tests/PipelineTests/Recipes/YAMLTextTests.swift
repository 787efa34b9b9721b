import Testing

@testable import WeirPipeline

/// YAML as the loaders in Python read it, and what is refused.
@Suite struct YAMLTextTests {
  private func parse(_ text: String) throws(YAMLText.Problem) -> YAMLText.Documents {
    try YAMLText.parse(Array(text.utf8))
  }

  private func problem(_ text: String) -> String {
    do throws(YAMLText.Problem) {
      _ = try parse(text)
      return "none"
    } catch {
      return "\(error.position.line):\(error.position.column): \(error.message)"
    }
  }

  private func member(_ value: YAMLValue?, _ key: String) -> YAMLValue? {
    value?.mapping?.first { $0.key == key }?.value
  }

  @Test func `Values carry the line and column where they begin`() throws {
    let root = try parse("# a remark\na: 1\nlist:\n  - {b: two}\n  - 'drei'\n").roots[0]
    let list = try #require(member(root, "list")?.sequence)
    #expect(member(root, "a")?.position == Position(offset: 14, line: 2, column: 4))
    #expect(member(list[0], "b")?.position.line == 4 && member(list[0], "b")?.position.column == 9)
    #expect(list[1].scalar?.text == "drei" && list[1].scalar?.isPlain == false)
  }

  @Test func `Several documents are read, and empty ones left out`() throws {
    #expect(try parse("a: 1\n---\n---\nb: 2\n...\n").roots.count == 2)
    #expect(try parse("").roots.isEmpty && parse("# nothing\n").roots.isEmpty)
  }

  @Test(arguments: [
    ("1", 1.0), ("-0.5", -0.5), ("1e-5", 1e-5), (".5", 0.5), ("-.5", -0.5), ("2.", 2), ("1_000", 1000), ("0x1F", 31),
    ("010", 8), ("0b101", 5), ("-0x10", -16), ("\"0.25\"", 0.25), ("+3", 3),
  ]) func `Numbers are those that Python reads`(_ text: String, _ expected: Double) throws {
    #expect(try parse(text).roots[0].scalar?.number == expected)
  }

  @Test(arguments: ["abc", "1.2.3", "0x", ".inf", ".nan", "\"0x10\"", "1 2", "--1", "0x-5", "~"])
  func `What is no number is none`(_ text: String) throws {
    #expect(try parse("a: \(text)").roots[0].mapping?[0].value.scalar?.number == nil)
  }

  @Test func `The words of YAML for truth values count without quotes alone`() throws {
    let list = try #require(try parse("[yes, Off, TRUE, n, 'yes', ~, '', ]").roots[0].sequence)
    #expect(list.map { $0.scalar?.bool } == [true, false, true, nil, nil, nil, nil])
    #expect(list.map(\.isNull) == [false, false, false, false, false, true, false])
  }

  @Test func `Aliases repeat values, and merged mappings give way to own keys`() throws {
    let root = try parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\nw: *x\n").roots[0]
    func members(_ key: String) -> [String] {
      member(root, key)?.mapping?.map { "\($0.key)\($0.value.scalar?.text ?? "")" } ?? []
    }
    #expect(members("y") == ["b3", "a1"] && members("z") == ["a1", "b2", "c4"] && members("w") == ["a1", "b2"])
  }

  @Test func `A key that stands again is warned of, and holds`() throws {
    let documents = try parse("a: 1\nb: 2\na: 3\n")
    #expect(member(documents.roots[0], "a")?.scalar?.text == "3")
    #expect(documents.warnings.map(\.message) == ["key 'a' stands again on line 3, and holds there"])
  }

  @Test(arguments: [
    ("a: [1, 2", "1:5: not YAML while parsing a flow sequence: did not find expected ',' or ']'"),
    ("a: 1\n b: 2\n", "2:3: not YAML: mapping values are not allowed in this context"),
    ("a: 'b", "1:4: not YAML while scanning a quoted scalar: found unexpected end of stream"),
    ("a: *b", "1:4: '*b' names no value, expected one that '&' has named before"),
    ("a: &a [*a]", "1:8: '*a' names no value, expected one that '&' has named before"),
    (
      "a: !!python/object:os.system x",
      "1:4: tag 'tag:yaml.org,2002:python/object:os.system', expected plain YAML; remove it"
    ),
    ("a: !mine {b: 1}", "1:4: tag '!mine', expected plain YAML; remove it"),
    ("[a]: 1", "1:1: a key is a list, expected a word"),
    ("\ta: 1", "1:1: not YAML while scanning for the next token: found character that cannot start any token"),
    ("a: \u{1}", "1:4: not YAML: control characters are not allowed"),
  ]) func `What is wrong is said with its place`(_ text: String, _ expected: String) {
    let found = problem(text)
    #expect(found.hasSuffix(String(expected.drop { $0 != " " })), "\(found)")
  }

  @Test func `Bytes that are no text are refused`() {
    #expect(throws: YAMLText.Problem.self) { try YAMLText.parse([0x61, 0x3A, 0x20, 0xFF, 0xFE]) }
    #expect(throws: YAMLText.Problem.self) { try YAMLText.parse([0x61, 0x3A, 0x20, 0xC3]) }
  }

  @Test func `Nesting, aliases upon aliases and endless lists end at a limit`() {
    for depth in [64, 1000, 200_000] {
      #expect(problem("a: \(String(repeating: "[", count: depth))").contains("nested deeper than 64 levels"))
    }
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<30 {
      bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ","))]\n"
    }
    #expect(problem(bomb).contains("more than 100000 values"))
    #expect(problem("[\(String(repeating: "x,", count: 150_000))]").contains("more than 100000 values"))
    // As a key, too, where others compare all that it repeats.
    #expect(problem(bomb + "? *a29\n: 1\n").contains("more than 100000 values"))
  }
}
