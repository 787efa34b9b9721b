import Testing
import WeirIO

@Suite struct SuggestionTests {
  private static let words = ["density", "lambda", "weight", "normalize", "t", "seed"]

  @Test(arguments: [
    ("densty", "density"), ("dnesity", "density"), ("Density", "density"), ("lamda", "lambda"), ("wieght", "weight"),
    ("normalise", "normalize"), ("sed", "seed"), ("normalized", "normalize"),
  ])
  func `A misspelt word has a nearest one`(word: String, expected: String) {
    #expect(Suggestion.nearest(to: word, in: Self.words) == expected)
    #expect(Suggestion.phrase(for: word, in: Self.words) == "; did you mean '\(expected)'?")
  }

  @Test(arguments: ["", "xyz", "banana", "weights_of_models", String(repeating: "d", count: 1000)])
  func `A word like no other has none`(word: String) {
    #expect(Suggestion.nearest(to: word, in: Self.words.filter { $0 != "t" }) == nil)
    #expect(Suggestion.phrase(for: word, in: [String]()) == "")
  }

  @Test func `Of equally near words the first is taken`() {
    #expect(Suggestion.nearest(to: "caT", in: ["bat", "hat", "cab"]) == "bat")
  }

  @Test func `Control characters of a name are escaped`() {
    #expect(Suggestion.phrase(for: "merged", in: ["m\rged"]) == "; did you mean 'm\\u{d}ged'?")
  }
}
