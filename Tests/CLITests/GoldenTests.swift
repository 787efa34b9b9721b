import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct GoldenTests {
  /// Requests that are refused, or runs that fail: nothing may be left of them.
  static let refused = ["flags", "pipelines", "checkpoints", "outputs", "archives", "recipes"]
  /// Questions that are answered.
  static let answered = ["answers", "comparisons", "conversions", "searches"]

  @Test(arguments: try refused.flatMap { try GoldenCase.read($0) })
  func `What is wrong is said in full, and nothing is left behind`(_ golden: GoldenCase) throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let before = try snapshot(folder)
      let result = try Program.run(golden.arguments, in: folder, input: golden.input.map { $0 + "\n" }.joined())
      check(result, golden)
      #expect(golden.exit == 1 || golden.exit == 2)
      #expect(result.output.isEmpty)
      #expect(try snapshot(folder) == before, "a file was left or changed")
    }
  }

  @Test func `At least fifty kinds of bad input are tested`() throws {
    #expect(try Self.refused.flatMap { try GoldenCase.read($0) }.count >= 50)
  }

  @Test(arguments: try answered.flatMap { try GoldenCase.read($0) })
  func `What is asked is answered`(_ golden: GoldenCase) throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let result = try Program.run(golden.arguments, in: folder, input: golden.input.map { $0 + "\n" }.joined())
      check(result, golden)
    }
  }

  private func check(_ result: Program.Result, _ golden: GoldenCase) {
    #expect(result.exit == golden.exit)
    let output = GoldenCase.lines(result.output)
    let errors = GoldenCase.lines(result.errors)
    #expect(GoldenCase.match(output, golden.output), "standard output was:\n\(result.output)")
    #expect(GoldenCase.match(errors, golden.errors), "standard error was:\n\(result.errors)")
  }

  @Test(.enabled(if: getenv("WEIR_RECORD") != nil))
  func `The case files are rewritten where that is asked for`() throws {
    for name in Self.refused + Self.answered {
      let cases = try GoldenCase.read(name).map { old in
        try withTemporaryDirectory { folder in
          try World.make(in: folder)
          let result = try Program.run(old.arguments, in: folder, input: old.input.map { $0 + "\n" }.joined())
          var new = old
          let output = GoldenCase.lines(result.output)
          let errors = GoldenCase.lines(result.errors)
          if !GoldenCase.match(output, old.output) { new.output = output }
          if !GoldenCase.match(errors, old.errors) { new.errors = errors }
          new.exit = result.exit
          return new
        }
      }
      try GoldenCase.write(cases, to: name)
    }
  }
}
