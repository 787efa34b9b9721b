/// Where a tensor stands relative to its model's stack of layers.
public enum LayerPlacement: Hashable, Sendable {
  case before
  case layer(Int, of: Int)
  case after
}

extension Catalogue {
  /// Where a tensor stands relative to the layers of its stack; one outside all stacks goes by its name, for the order in
  /// files is often alphabetical: embeddings come before the layers, norms and heads after them.
  public func placement(of name: String) -> LayerPlacement {
    if let layer = LayerPosition(name: name), let count = layerCounts[layer.stack] {
      return .layer(layer.index, of: count)
    }
    let parts = name.lowercased()
    if ["embed", "wte", "wpe"].contains(where: parts.contains) { return .before }
    if ["norm", "ln_f", "head", "pooler", "classifier", "score"].contains(where: parts.contains) { return .after }
    return (position(of: name) ?? 0) < firstLayered ? .before : .after
  }
}
