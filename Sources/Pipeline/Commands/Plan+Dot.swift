internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension Plan {
  /// The graph of sources, nodes and outputs in Graphviz's language.
  public var dot: String {
    var lines = [
      "digraph weir {", "  rankdir=LR;", "  node [fontname=\"sans-serif\", fontsize=11];",
      "  edge [fontname=\"sans-serif\", fontsize=9];",
    ]
    for (number, source) in graph.sources.enumerated() {
      let size = Quantity.text(source.byteCount)
      lines.append("  s\(number) [shape=cylinder, label=\(Self.label(source.spec.name.name, size))];")
    }
    let files = graph.coefficientFiles
    for (number, item) in files.enumerated() {
      let size = Quantity.text(item.file.byteCount)
      lines.append("  c\(number) [shape=note, label=\(Self.label(item.name, size))];")
    }
    for (number, node) in graph.nodes.enumerated() {
      lines.append("  n\(number) [shape=box, style=rounded, label=\(Self.label(node.spec.name.name, node.spec.op))];")
    }
    for (number, output) in outputs.enumerated() {
      let size = output.isDigest ? "a hash" : Quantity.text(output.bytesWritten)
      lines.append("  o\(number) [shape=folder, label=\(Self.label(output.place, size))];")
    }
    for (number, node) in graph.nodes.enumerated() {
      if let base = node.base { lines.append("  \(Self.name(base)) -> n\(number) [label=\"base\", style=dashed];") }
      for model in node.models { lines.append("  \(Self.name(model)) -> n\(number);") }
      for side in node.sides {
        lines.append("  \(Self.name(side.value)) -> n\(number) [label=\"\(side.key.parameter)\", style=dashed];")
      }
      for side in node.spec.sides where side.parameter.kind == .coefficients {
        guard let place = files.firstIndex(where: { $0.name == side.from.name }) else { continue }
        lines.append("  c\(place) -> n\(number) [label=\"\(side.parameter.name)\", style=dashed];")
      }
    }
    for (number, output) in outputs.enumerated() { lines.append("  \(Self.name(output.value)) -> o\(number);") }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  private static func name(_ index: ValueIndex) -> String {
    switch index {
    case .source(let number): "s\(number)"
    case .node(let number): "n\(number)"
    }
  }

  /// Two lines in quotes.
  private static func label(_ first: String, _ second: String) -> String {
    func escaped(_ text: String) -> String {
      text.reduce(into: "") { result, character in
        if character == "\"" || character == "\\" { result.append("\\") }
        result.append(character.isNewline ? " " : character)
      }
    }
    return "\"\(escaped(first))\\n\(escaped(second))\""
  }
}
