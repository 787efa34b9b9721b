internal import WeirOps

extension MethodReference {
  /// The document of all operations as it stands in `docs/methods.md`.
  public static func markdown() -> String {
    let methods = declarations.filter { !$0.isPrimitive }
    let primitives = declarations.filter(\.isPrimitive)
    var lines = [
      "# Methods and primitives",
      "",
      "Made by `weir methods --markdown` from the declarations that the program itself reads; edit those, not this page.",
      "",
      "A method is a published recipe, a primitive a building block; a pipeline uses both as the `op` of a node.",
      "Numbers may be ramps over the layers or rules by tensor name, as [the pipeline language](pipelines.md) says.",
      "",
    ]
    lines += overview(methods + primitives)
    for (title, declarations) in [("Methods", methods), ("Primitives", primitives)] where !declarations.isEmpty {
      lines += ["## \(title)", ""] + declarations.flatMap(section)
    }
    return lines.dropLast().joined(separator: "\n") + "\n"
  }

  private static func overview(_ declarations: [MethodDeclaration]) -> [String] {
    ["| op | what it does | reads |", "|---|---|---|"]
      + declarations.map { "| [`\($0.name)`](#\($0.name)) | \(cell($0.summary)) | \(cell($0.reads)) |" } + [""]
  }

  private static func section(_ declaration: MethodDeclaration) -> [String] {
    var lines = ["### \(declaration.name)", "", sentence(declaration.summary), ""]
    lines += ["```text", declaration.formula, "```", ""]
    lines += ["- Inputs: \(declaration.inputsText).", "- Result: \(declaration.resultText)."]
    lines += ["- Reads: \(sentence(declaration.reads))", "- Numerics: \(declaration.numericsText)."]
    if !declaration.source.isEmpty { lines.append("- Source: \(sentence(declaration.source))") }
    lines += declaration.differs.map { "- Differs: \(sentence($0))" } + [""]
    if !declaration.parameters.isEmpty {
      lines += ["| parameter | value | default | meaning |", "|---|---|---|---|"]
      lines += declaration.parameters.map { parameter in
        "| `\(parameter.name)` | \(cell(parameter.rangeText)) | \(cell(parameter.standardText)) | "
          + "\(cell(parameter.summary)) |"
      }
      lines.append("")
    }
    return lines + ["```json", declaration.example, "```", ""]
  }

  /// A text with one full stop at its end.
  private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? text : "\(text)." }

  /// A text that does not end a table's cell.
  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
