internal import WeirOps

extension MethodReference {
  /// The document of all operations and codecs as it stands in `docs/methods.md`.
  public static func markdown() -> String {
    let methods = declarations.filter { !$0.isPrimitive }
    let primitives = declarations.filter(\.isPrimitive)
    var lines = [
      "# Methods, primitives, codecs",
      "",
      "Made by `weir methods --markdown` from the declarations that the program itself reads; edit those, not this page.",
      "",
      "A method is a published recipe, a primitive a building block; a pipeline uses both as the `op` of a node. A codec",
      "makes a change small; a pipeline names it as the `codec` of an output that is an archive.",
      "Numbers may be ramps over the layers or rules by tensor name, as [the pipeline language](pipelines.md) says.",
      "",
    ]
    lines += overview(methods + primitives)
    for (title, declarations) in [("Methods", methods), ("Primitives", primitives)] where !declarations.isEmpty {
      lines += ["## \(title)", ""] + declarations.flatMap { section($0, title: $0.name, facts: Self.facts($0)) }
    }
    lines += ["## Codecs", "", "δ is the change: what the output names, or the difference of that and its `base`.", ""]
    lines += ["| codec | what it does | reads |", "|---|---|---|"]
    lines += codecs.map { "| [`\($0.name)`](#codec-\($0.name)) | \(cell($0.summary)) | \(cell($0.reads)) |" } + [""]
    lines += codecs.flatMap { section($0, title: "codec \($0.name)", facts: []) }
    return lines.dropLast().joined(separator: "\n") + "\n"
  }

  private static func overview(_ declarations: [MethodDeclaration]) -> [String] {
    ["| op | what it does | reads |", "|---|---|---|"]
      + declarations.map { "| [`\($0.name)`](#\($0.name)) | \(cell($0.summary)) | \(cell($0.reads)) |" } + [""]
  }

  private static func facts(_ declaration: MethodDeclaration) -> [String] {
    ["- Inputs: \(declaration.inputsText).", "- Result: \(declaration.resultText)."]
  }

  private static func section(_ declaration: MethodDeclaration, title: String, facts: [String]) -> [String] {
    var lines = ["### \(title)", "", sentence(declaration.summary), ""]
    lines += ["```text", declaration.formula, "```", ""] + facts
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
