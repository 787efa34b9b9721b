import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Recipes beside what mergekit itself made of them; `Tests/Conformance/conformance.py` makes the results anew.
@Suite struct ConformanceTests {
  static let folder = "\(#filePath.dropLast("PipelineTests/Recipes/ConformanceTests.swift".count))Conformance"

  /// What is known of every recipe's result.
  static let results: JSONValue = {
    let bytes = (try? readFile("\(folder)/results.json")) ?? []
    return (try? JSON.parse(bytes)) ?? .null
  }()

  static let names = results["recipes"]?.object?.map(\.key) ?? []

  /// Those at which mergekit itself ends with an error; `docs/migrating.md` says why.
  static let failing = names.filter { results["recipes"]?[$0]?["fails"] != nil }

  /// The values of every result, its tensors end to end.
  static let values: [String: [Double]] = {
    let tensors = (try? Scene(folder: folder).list("results.safetensors")) ?? []
    return Dictionary(tensors.map { ($0.name, $0.values) }) { first, _ in first }
  }()

  @discardableResult
  private func run(_ text: PipelineText, to place: String) throws -> RunReport {
    let plan = try text.plan(try text.parse(outputPath: place), options: .test)
    return try plan.run(progress: Progress(plan))
  }

  private func recipe(_ name: String) throws -> PipelineText {
    try PipelineText.read("\(Self.folder)/recipes/\(name).yml")
  }

  @Test func `There are at least forty recipes, over every method that the tool has`() {
    #expect(Self.names.count - Self.failing.count >= 75)
    for feature in ["adapter", "tokenizer", "vision", "random"] {
      #expect(Self.names.contains { $0.hasPrefix(feature) && !Self.failing.contains($0) })
    }
    #expect(Set(Self.names).isSuperset(of: Self.values.keys))
  }

  @Test(arguments: names.filter { !$0.hasPrefix("random-") && !failing.contains($0) })
  func `A recipe gives the numbers that mergekit gives`(_ name: String) throws {
    try withScene { scene in
      try run(recipe(name), to: scene.path("out"))
      let found = try scene.tensors("out")
      let expected = try #require(Self.values[name])
      let layout = try #require(Self.results["recipes"]?[name]?["layout"]?.int)
      let tensors = try #require(Self.results["layouts"]?.array?[layout].array)
      #expect(found.keys.sorted() == tensors.compactMap { $0.array?[0].string })
      let tokens = Self.results["recipes"]?[name]?["tokens"]?.array?.compactMap(\.string)
      let rows = try tokens.map { tokens in try tokenRows(tokens, scene) }
      if let size = Self.results["recipes"]?[name]?["vocab_size"]?.int {
        #expect(try JSON.parse(try readFile(scene.path("out/config.json")))["vocab_size"]?.int == size)
      }
      var start = 0
      for entry in tensors {
        let tensor = try #require(entry.array?[0].string.flatMap { found[$0] })
        #expect(tensor.shape == entry.array?[1].array?.compactMap(\.int))
        let values = tensor.values
        let columns = tensor.shape.count == 2 ? tensor.shape[1] : 1
        let isByToken = rows != nil && VocabularyCheck.isVocabularyTensor(tensor.name)
        for place in values.indices {
          // The row that its token has here; rows without a token stand behind all that have one, in both.
          let row = place / columns
          let own = if isByToken, let rows, row < rows.count { rows[row] } else { row }
          let (value, other) = (values[own * columns + place % columns], expected[start + place])
          guard abs(value - other) <= 1e-5 * max(1, abs(other)) else {
            Issue.record("\(name), \(tensor.name)[\(place)]: \(value), expected \(other)")
            return
          }
        }
        start += values.count
      }
    }
  }

  /// The rows that tokens have in an output's tokenizer, which knows exactly these.
  private func tokenRows(_ tokens: [String], _ scene: Scene) throws -> [Int] {
    let rows = VocabularyCheck.tokens(try readFile(scene.path("out/tokenizer.json")))
    #expect(Set(rows.keys) == Set(tokens) && rows.values.sorted() == Array(tokens.indices))
    return try tokens.map { try #require(rows[$0]) }
  }

  /// What a mask of the tool's own generator and its scale leave: the fraction, each tensor's length, one factor in it.
  @Test(arguments: names.filter { $0.hasPrefix("random-") })
  func `A random method keeps as much as mergekit does, and scales it alike`(_ name: String) throws {
    try withScene { scene in
      try run(recipe(name), to: scene.path("out"))
      let facts = try #require(Self.results["recipes"]?[name])
      func fact(_ key: String) -> Double { facts[key]?.double ?? .nan }
      let models = Scene(folder: "\(Self.folder)/models")
      let tuned = name.hasSuffix("unscaled") ? "b" : name.hasSuffix("della-linear") ? "c" : "a"
      let (base, model) = (try models.tensors("base"), try models.tensors(tuned))
      var kept = 0
      var total = 0
      var ratios: [Double] = []
      for (key, tensor) in try scene.tensors("out") {
        let start = try #require(base[key]).values
        let delta = zip(try #require(model[key]).values, start).map { $0 - $1 }
        let change = zip(tensor.values, start).map { $0 - $1 }
        let largest = delta.map(abs).max() ?? 0
        let factors = zip(change, delta).filter { abs($0.0) > 1e-6 * largest }.map { $0.0 / $0.1 }
        kept += factors.count
        total += delta.count
        ratios.append(change.map(abs).reduce(0, +) / delta.map(abs).reduce(0, +))
        guard !factors.isEmpty else { continue }
        let middle = factors.sorted()[factors.count / 2]
        #expect(factors.allSatisfy { abs($0 - middle) < max(1e-3, 2 * fact("uneven")) }, "\(key) has several factors")
      }
      // Five standard deviations of a binomial count.
      let fraction = fact("kept")
      #expect(
        abs(Double(kept) / Double(total) - fraction) < 5 * (fraction * (1 - fraction) / Double(total)).squareRoot())
      // Of a small tensor, nothing may be left.
      let isRescaled = fact("most_l1") > 0.999
      #expect(ratios.allSatisfy { isRescaled ? $0 == 0 || abs($0 - 1) < 1e-4 : $0 < 1 })
    }
  }

  @Test(arguments: names)
  func `Converting a recipe and running the pipeline gives the bytes that running the recipe gives`(
    _ name: String
  ) throws {
    try withScene { scene in
      let text = try recipe(name)
      try run(text, to: scene.path("out"))
      try text.write(to: scene.path("pipeline.json"))
      try run(try PipelineText.read(scene.path("pipeline.json")), to: scene.path("again"))
      let names = try scene.names("out")
      #expect(try scene.names("again") == names && names.contains("config.json"))
      for file in names where file != "README.md" {
        #expect(try readFile(scene.path("out/\(file)")) == readFile(scene.path("again/\(file)")), "\(file)")
      }
    }
  }
}
