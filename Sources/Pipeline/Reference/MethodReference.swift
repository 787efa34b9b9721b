public import WeirOps

/// The reference of all operations, made from their declarations.
public enum MethodReference {
  /// All declarations, methods before primitives, each group by name.
  public static var declarations: [MethodDeclaration] {
    let sorted = Operations.all.sorted { $0.name < $1.name }
    return sorted.filter { !$0.isPrimitive } + sorted.filter(\.isPrimitive)
  }

  /// The declarations of all codecs, the standard one first.
  public static var codecs: [MethodDeclaration] { Codecs.all }

  /// One line for each operation and each codec: its name and what it does.
  public static func list() -> String {
    let width = (declarations + codecs).map(\.name.count).max() ?? 0
    func lines(_ title: String, _ declarations: [MethodDeclaration]) -> String? {
      guard !declarations.isEmpty else { return nil }
      let rows = declarations.map { "  \(padded($0.name, width))  \($0.summary)\n" }
      return "\(title)\n\(rows.joined())"
    }
    return [
      lines("methods", declarations.filter { !$0.isPrimitive }),
      lines("primitives", declarations.filter(\.isPrimitive)),
      lines("codecs", codecs),
    ].compactMap { $0 }.joined(separator: "\n")
  }

  /// The page for a terminal of what has a name, or `nil` where nothing has; operation and codec where both have it.
  public static func page(named name: String) -> String? {
    let pages = [Operations.named(name).map(page), Codecs.named(name).map(codecPage)].compactMap { $0 }
    return pages.isEmpty ? nil : pages.joined(separator: "\n")
  }

  /// The page of one operation for a terminal.
  public static func page(for declaration: MethodDeclaration) -> String {
    page(
      declaration, title: declaration.name,
      facts: fact("inputs", declaration.inputsText) + fact("result", declaration.resultText))
  }

  /// The page of one codec for a terminal.
  public static func codecPage(for declaration: MethodDeclaration) -> String {
    page(declaration, title: "\(declaration.name) (codec)", facts: [])
  }

  private static func page(_ declaration: MethodDeclaration, title: String, facts: [String]) -> String {
    var lines = ["\(title): \(declaration.summary)", ""]
    lines += indented(declaration.formula) + [""] + facts
    lines += fact("reads", declaration.reads) + fact("numerics", declaration.numericsText)
    lines += declaration.source.isEmpty ? [] : fact("source", declaration.source)
    lines += declaration.differs.flatMap { fact("differs", $0) }
    if !declaration.parameters.isEmpty { lines += ["", "parameters"] + rows(declaration.parameters) }
    lines += ["", "example"] + indented(declaration.example)
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rows(_ parameters: [Parameter]) -> [String] {
    let columns = parameters.map { [$0.name, $0.standardText, $0.rangeText] }
    let widths = (0..<3).map { column in columns.map { $0[column].count }.max() ?? 0 }
    return zip(parameters, columns).map { parameter, row in
      "  " + zip(row, widths).map(padded).joined(separator: "  ") + "  \(parameter.summary)"
    }
  }

  private static func fact(_ name: String, _ text: String) -> [String] { ["\(padded(name, 9))  \(text)"] }

  private static func indented(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : "  \($0)" }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
