internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension GraphResolver {
  /// The most tensors that a stack may have, and the most layers: a few small nodes can ask for any number of them.
  private static let mostTensors = 1_000_000
  private static let mostLayers = 10_000

  /// Lays runs of layers on one another: what comes before the layers from the first part, what comes after from the
  /// last.
  mutating func stacking(_ node: NodeSpec, _ method: any Method.Type) -> NodePlan? {
    let places = node.parts.compactMap { place(of: $0.from) }
    guard places.count == node.parts.count, let first = places.first, let last = places.last else { return nil }
    if node.filter != .all {
      diagnose(
        "node \(MessageText.quoted(node.name.name)) stacks whole layers, expected no \"include\" and no \"exclude\"; "
          + "put them on another node", node)
    }
    guard let stack = mainStack(plan.catalogue(of: first)) else {
      diagnose(
        "node \(MessageText.quoted(node.name.name)) stacks \(MessageText.quoted(plan.name(of: first))), "
          + "which has no numbered layers", node)
      return nil
    }
    guard checkLayers(node, places, stack) else { return nil }
    var layers: [ValueIndex: [Int: [TensorInfo]]] = [:]
    for index in places where layers[index] == nil {
      layers[index] = Dictionary(grouping: plan.catalogue(of: index).tensors) { tensor in
        LayerPosition(name: tensor.name).flatMap { $0.stack == stack ? $0.index : nil } ?? -1
      }
    }
    let before = plan.catalogue(of: first).tensors.filter {
      isOutside($0.name, stack, plan.catalogue(of: first)) == .before
    }
    let after = plan.catalogue(of: last).tensors.filter {
      isOutside($0.name, stack, plan.catalogue(of: last)) == .after
    }
    let count = zip(node.parts, places).reduce(before.count + after.count) { count, part in
      part.0.layers.reduce(count) { $0 + (layers[part.1]?[$1]?.count ?? 0) }
    }
    guard count <= Self.mostTensors else {
      diagnose(
        "node \(MessageText.quoted(node.name.name)) stacks \(count) tensors, expected at most \(Self.mostTensors); "
          + "take fewer layers", node)
      return nil
    }
    var tensors: [TensorInfo] = []
    var origins: [NodePlan.Origin] = []
    tensors.reserveCapacity(count)
    origins.reserveCapacity(count)
    func take(_ index: ValueIndex, _ tensor: TensorInfo, as name: String) {
      origins.append(NodePlan.Origin(lead: index, name: tensor.name, mergedIndex: nil))
      tensors.append(TensorInfo(name: node.rename.apply(name), dtype: tensor.dtype, shape: tensor.shape))
    }
    for tensor in before { take(first, tensor, as: tensor.name) }
    var layer = 0
    for (part, index) in zip(node.parts, places) {
      for number in part.layers {
        for tensor in layers[index]?[number] ?? [] {
          take(index, tensor, as: LayerPosition(name: tensor.name)?.name(atLayer: layer) ?? tensor.name)
        }
        layer += 1
      }
    }
    for tensor in after { take(last, tensor, as: tensor.name) }
    reportNames(tensors, origins, node)
    return NodePlan(
      spec: node, method: method, base: nil, models: places,
      modelIsDelta: places.map { _ in false }, catalogue: Catalogue(tensors), origins: origins, mergedElementCount: 0)
  }

  /// Whether each part's layers are there, and all of them not too many; told before any of them is counted through.
  private mutating func checkLayers(_ node: NodeSpec, _ places: [ValueIndex], _ stack: String) -> Bool {
    var total = 0
    for (part, index) in zip(node.parts, places) {
      let count = plan.catalogue(of: index).layerCounts[stack] ?? 0
      guard part.layers.upperBound <= count else {
        diagnostics.append(
          Diagnostic(
            "node \(MessageText.quoted(node.name.name)): layers [\(part.layers.lowerBound), "
              + "\(part.layers.upperBound)] of \(MessageText.quoted(part.from.name)), expected a range within "
              + "[0, \(count)], the layers of its \(MessageText.quoted(stack))",
            file: spec.file, position: part.position))
        return false
      }
      guard part.layers.count <= Self.mostLayers - total else {
        diagnostics.append(
          Diagnostic(
            "node \(MessageText.quoted(node.name.name)): more than \(Self.mostLayers) layers with those of "
              + "\(MessageText.quoted(part.from.name)), expected at most \(Self.mostLayers); take fewer layers",
            file: spec.file, position: part.position))
        return false
      }
      total += part.layers.count
    }
    return true
  }

  /// The stack with the most layers.
  private func mainStack(_ catalogue: Catalogue) -> String? {
    catalogue.layerCounts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  private enum Side { case before, after }

  /// On which side of the layers a tensor outside the stack stands.
  private func isOutside(_ name: String, _ stack: String, _ catalogue: Catalogue) -> Side? {
    if let layer = LayerPosition(name: name), layer.stack == stack { return nil }
    return catalogue.placement(of: name) == .after ? .after : .before
  }
}
