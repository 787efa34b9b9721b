import TestSupport
import Testing
import WeirIO
import WeirPipeline

struct EvaluatorTests {
  @Test(
    arguments: [
      ("0.91", 0.91), ("accuracy: 0.91\\nthanks", 0.91), ("step 10: 91.3%%", 91.3), ("loss=-1.5e-3.", -0.0015),
      ("top1 0.5 top5", 0.5),  // the digits of a name are no number
      ("a 1, b 2", 2), ("took 3ms", 3), ("[0.25]", 0.25), (".5", 0.5), ("1.", 1), ("x 7 inf", .infinity), ("+4", 4),
      ("2e", 2), ("10-3", -3), ("nana 6 info", 6), ("0.5 F1_2", 0.5),
    ] as [(String, Double)])
  func `The last number that a command prints is the score`(_ text: String, _ expected: Double) throws {
    let evaluator = try Evaluator("printf '\(text)' # {}")
    #expect(try evaluator.score("x") == .score(expected))
  }

  @Test(arguments: [
    ("echo none # {}", "no number on its standard output"), ("echo 1; exit 3 # {}", "exit code 3"),
    ("echo 1 nan # {}", "NaN"), ("kill -9 $$ # {}", "exit code 137"), ("no-such-command {}", "exit code 127"),
  ])
  func `A command without a number has no score`(_ command: String, _ reason: String) throws {
    #expect(try Evaluator("\(command) 2>&1").score("x") == .failure(reason))
  }

  @Test func `A path reaches the command as one word, whatever is in it`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/it's $HOME; a 'model'"
      try writeFile(path, "42\n")
      #expect(try Evaluator("cat {} | head -n 1").score(path) == .score(42))
    }
  }

  @Test func `A command that prints without end is read to its end`() throws {
    #expect(try Evaluator("seq 1 200000 # {}").score("x") == .score(200_000))
  }

  @Test func `A wish to end reaches the command`() throws {
    // The shell waits for a program of its own, which is to end as well.
    let outcome = try Evaluator("echo 1; sleep 60; echo {}").score("x") { true }
    #expect(outcome == .failure("exit code 143"))
  }

  @Test func `A command without a place for the path is refused`() {
    #expect(throws: PipelineError.self) { try Evaluator("python score.py") }
  }
}
