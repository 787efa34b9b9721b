import Testing

@testable import WeirIO

/// Regular expressions over names of modules, as Python's `re` reads them.
@Suite struct NamePatternTests {
  @Test(arguments: [
    ("q_proj", "model.layers.0.self_attn.q_proj", true), ("q_proj", "q_proj", true), ("proj", "x.q_proj", false),
    ("^model.q", "model.q", true), ("^model.q", "x.model.q", false), ("layers.1.q", "model.layers.11.q", false),
    (#"layers\.\d+\.q"#, "model.layers.11.q", true), ("layers.[0-3].q", "a.layers.4.q", false),
    ("layers.([0-9]|1[0-5]).q", "layers.15.q", true), ("layers.([0-9]|1[0-5]).q", "layers.16.q", false),
    ("[^qk]_proj", "a.v_proj", true), ("[^qk]_proj", "a.k_proj", false), ("(?:q|k)_proj", "a.k_proj", true),
    ("l.{2,3}q", "lxxxq", true), ("l.{2,3}q", "lxxxxq", false), ("l.{2}q", "lxxq", true), ("l.*q", "l.a.b.q", true),
    ("lx+?q", "lxxq", true), ("lx?q", "lq", true), ("q$", "a.q", true), ("q$x", "a.qx", false), ("", "a.", true),
    ("a{", "a{", true), ("a{,2}b", "aab", true), ("[]-]x", "-x", true), (#"[\d.]+"#, "x.1.2", true),
    ("a|b.c", "b.c", true),
    (".*", "a", true), ("q", "a.q.r", false),
  ])
  func `A pattern describes the end of a name, from its start or a dot on`(
    _ pattern: String, _ name: String, _ expected: Bool
  ) throws {
    #expect(try NamePattern(pattern).matchesEnd(of: name) == expected)
  }

  @Test(arguments: [
    "(a", "a)", "[a", "*a", "a\\", #"\b"#, "(?=a)", "a{1000}", "[z-a]", "((((a{99}){99}){99}){99})",
    String(repeating: "(", count: 60) + String(repeating: ")", count: 60), String(repeating: "a", count: 1025),
  ])
  func `What is no pattern, or one without bounds, is refused`(_ pattern: String) {
    #expect(throws: NamePattern.Refusal.self) { try NamePattern(pattern) }
  }

  @Test func `A pattern that would take a backtracking matcher years takes none`() throws {
    #expect(try !NamePattern("(a+)+(a*)*b").matchesEnd(of: String(repeating: "a", count: 2000)))
  }
}
