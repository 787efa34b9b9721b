public import WeirOps

/// The reference of all operations, made from their declarations.
public enum MethodReference {
  /// All declarations, methods before primitives, each group by name.
  public static var declarations: [MethodDeclaration] {
    let sorted = Operations.all.sorted { $0.name < $1.name }
    return sorted.filter { !$0.isPrimitive } + sorted.filter(\.isPrimitive)
  }

  /// One line for each operation: its name and what it does.
  public static func list() -> String {
    let width = declarations.map(\.name.count).max() ?? 0
    func lines(_ title: String, _ declarations: [MethodDeclaration]) -> [String] {
      declarations.isEmpty ? [] : [title] + declarations.map { "  \(padded($0.name, width))  \($0.summary)" }
    }
    let methods = lines("methods", declarations.filter { !$0.isPrimitive })
    let primitives = lines("primitives", declarations.filter(\.isPrimitive))
    return (methods + (methods.isEmpty || primitives.isEmpty ? [] : [""]) + primitives).joined(separator: "\n") + "\n"
  }

  /// The page of one operation for a terminal, or `nil` where there is none of that name.
  public static func page(named name: String) -> String? { Operations.named(name).map(page) }

  /// The page of one operation for a terminal.
  public static func page(for declaration: MethodDeclaration) -> String {
    var lines = ["\(declaration.name): \(declaration.summary)", ""]
    lines += indented(declaration.formula) + [""]
    lines += fact("inputs", declaration.inputsText) + fact("result", declaration.resultText)
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
