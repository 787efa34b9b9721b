internal import WeirIO

/// A recipe's text as the pipeline that it stands for.
enum RecipeText {
  /// No recipe comes near it.
  static let maximumByteCount = 4 << 20
  /// Where a pipeline that nobody gave a place puts its output.
  static let defaultOutput = "merged"

  /// What a recipe became.
  struct Translation {
    let pipeline: [UInt8]
    let places: RecipePlaces
    let warnings: [Diagnostic]
    /// Whether it has one output, whose place is said apart.
    let hasOneOutput: Bool
  }

  /// Whether a file is a recipe and no pipeline: by its suffix, or by its first words.
  static func isRecipe(_ bytes: [UInt8], file: String? = nil) -> Bool {
    if let file, file.hasSuffix(".yml") || file.hasSuffix(".yaml") { return true }
    guard let first = bytes.first(where: { $0 > 0x20 }), first != UInt8(ascii: "{") else { return false }
    let key = Array("merge_method:".utf8)
    return bytes.split(separator: UInt8(ascii: "\n")).contains { $0.starts(with: key) }
  }

  /// Makes the pipeline.
  ///
  /// - Parameters:
  ///   - folder: the recipe's own, where its relative paths are looked for first.
  ///   - outputPath: the folder of the results, where there are several; that of one alone is left to the command line.
  static func translate(
    _ text: [UInt8], file: String?, folder: String, outputPath: String?, cache: ModelCache = ModelCache()
  ) throws(PipelineError) -> Translation {
    let problems = RecipeProblems(file: file)
    guard text.count <= maximumByteCount else {
      throw PipelineError(
        .request, "\(file ?? "standard input"): more than \(maximumByteCount >> 20) MiB, expected a recipe")
    }
    let documents: YAMLText.Documents
    do throws(YAMLText.Problem) {
      documents = try YAMLText.parse(text)
    } catch {
      let hint = YAMLText.hint(for: error, in: text)
      throw PipelineError(.request, [Diagnostic(error.message + hint, file: file, position: error.position)])
    }
    let recipes = RecipeReader(problems: problems).recipes(documents)
    try problems.throwIfWrong()
    var writer = RecipeWriter(recipes, locator: ModelLocator(folder: folder, cache: cache), problems: problems)
    let hasOneOutput = writer.ends.count == 1
    let made = writer.pipeline(outputPath: hasOneOutput ? defaultOutput : outputPath ?? defaultOutput)
    try problems.throwIfWrong()
    guard let made else { throw PipelineError(.request, "\(file ?? "standard input"): the recipe has no result") }
    let bytes = Array((JSON.text(made, indent: 2) + "\n").utf8)
    return Translation(
      pipeline: bytes, places: RecipePlaces(made, in: bytes, of: text, file: file),
      warnings: Reader.sorted(problems.warnings), hasOneOutput: hasOneOutput)
  }
}

extension Position {
  /// What a value made from this place of a recipe carries as its offset; 0 is that of values from no place.
  var mark: Int { offset + 1 }
}

/// Which place of a recipe each value of its pipeline comes from.
struct RecipePlaces: Sendable {
  private let file: String?
  private var places: [(offset: Int, mark: Int)] = []
  /// The characters before each line of the recipe.
  private let lines: [Int]

  /// Walks a value, which carries marks of the recipe, beside its own text.
  init(_ made: JSONValue, in bytes: [UInt8], of recipe: [UInt8], file: String?) {
    self.file = file
    let scalars = String(decoding: recipe, as: UTF8.self).unicodeScalars
    lines = [0] + scalars.enumerated().filter { $0.element == "\n" }.map { $0.offset + 1 }
    if let written = try? JSON.parse(bytes) { walk(made, written) }
  }

  private mutating func walk(_ made: JSONValue, _ written: JSONValue) {
    note(made.offset, written.offset)
    for (made, written) in zip(made.array ?? [], written.array ?? []) { walk(made, written) }
    for (made, written) in zip(made.object ?? [], written.object ?? []) {
      note(made.keyOffset, written.keyOffset)
      walk(made.value, written.value)
    }
  }

  private mutating func note(_ mark: Int, _ offset: Int) {
    if mark > 0 { places.append((offset, mark)) }
  }

  /// A diagnostic of the pipeline as one of the recipe: of the nearest value before its place that the recipe has.
  func worded(_ diagnostic: Diagnostic) -> Diagnostic {
    let position = diagnostic.position.flatMap { place in
      places.last { $0.offset <= place.offset }.map { self.position(ofMark: $0.mark) }
    }
    return Diagnostic(
      Self.inRecipes(diagnostic.message), severity: diagnostic.severity, file: file, position: position)
  }

  /// What messages advise to write in a pipeline, and what to do about a recipe.
  private static let remedies = [
    (
      "bring all models to one with \"tokenizer\"",
      "add 'tokenizer_source: union', or a model's path instead of 'union'"
    ),
    (
      "use \"on_missing\": \"skip_model\", or \"include\" and \"exclude\"",
      "use \"on_missing\": \"skip_model\" in the pipeline of 'weir convert'"
    ),
    (
      "use \"on_mismatch\": \"skip_model\", or \"exclude\"",
      "use \"on_mismatch\": \"skip_model\" in the pipeline of 'weir convert'"
    ),
    ("\"nan\": \"propagate\"", "\"nan\": \"propagate\" in the pipeline of 'weir convert'"),
  ]
  /// What follows where a pipeline could leave out the tensors with a row per token, which a recipe cannot.
  private static let choices = [", or exclude the tensor", ", or \"exclude\" what has a row per token"]

  private static func inRecipes(_ message: String) -> String {
    var text = message
    for (key, remedy) in remedies {
      guard let range = text.firstRange(of: key) else { continue }
      text.replaceSubrange(range, with: remedy)
    }
    for choice in choices {
      guard let range = text.firstRange(of: choice) else { continue }
      text = String(text[..<range.lowerBound])
    }
    return text
  }

  private func position(ofMark mark: Int) -> Position {
    let line = (lines.firstIndex { $0 >= mark } ?? lines.count) - 1
    return Position(offset: mark - 1, line: line + 1, column: mark - lines[line])
  }
}
