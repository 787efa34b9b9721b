internal import WeirIO
internal import WeirTensors

extension Inspection {
  /// What there is, in aligned tables.
  ///
  /// - Parameter tensors: whether every tensor gets a line.
  public func text(tensors: Bool = false) -> String {
    var parts = [facts, table("dtype", dtypes)]
    if !stacks.isEmpty { parts.append(stackTable) }
    if checkpoint.files.count > 1 { parts.append(table("file", files)) }
    if tensors { parts.append(tensorTable) }
    return parts.joined(separator: "\n")
  }

  private var facts: String {
    let catalogue = checkpoint.catalogue
    var table = TextTable([.left(""), .left("")])
    table.add(["checkpoint", checkpoint.path])
    if let architecture { table.add(["model", architecture]) }
    if let adapter { table.add(["adapter", Self.summary(of: adapter)]) }
    table.add(["tensors", "\(catalogue.tensors.count)"])
    let exact = catalogue.elementCount < 1000 ? "" : " (\(catalogue.elementCount))"
    table.add(["parameters", Count.text(catalogue.elementCount) + exact])
    table.add(["size", "\(Quantity.text(catalogue.byteCount)) in \(Wording.count(checkpoint.files.count, "file"))"])
    if let quantisation = checkpoint.quantisation { table.add(["quantised", quantisation]) }
    for (number, entry) in checkpoint.metadata.sorted(by: { $0.key < $1.key }).enumerated() {
      let value = entry.value.count > 60 ? "\(entry.value.prefix(60))…" : entry.value
      table.add([number == 0 ? "metadata" : "", "\(entry.key) = \(value)"])
    }
    return table.text()
  }

  /// `LoRA of 14 modules, rank 8, scale 2; 1 whole tensor`.
  private static func summary(of adapter: Adapter) -> String {
    let factors = adapter.modules.compactMap(\.factors)
    var parts: [String] = []
    if !factors.isEmpty {
      let kind = (adapter.usesRootRank ? "rsLoRA" : "LoRA") + (adapter.hasMagnitudes ? " with DoRA" : "")
      parts.append(
        "\(kind) of \(Wording.count(factors.count, "module")), rank \(range(factors.map { Double($0.rank) })), "
          + "scale \(range(factors.map(\.scale)))")
    }
    if !adapter.wholes.isEmpty { parts.append(Wording.count(adapter.wholes.count, "whole tensor")) }
    return parts.joined(separator: "; ")
  }

  /// One number, or the least and the largest.
  private static func range(_ numbers: [Double]) -> String {
    func text(_ number: Double) -> String {
      JSON.text(Int(exactly: number).map { .number($0) } ?? .number(number))
    }
    guard let least = numbers.min(), let most = numbers.max() else { return "" }
    return least == most ? text(least) : "\(text(least)) to \(text(most))"
  }

  private func table(_ title: String, _ groups: [Group]) -> String {
    var table = TextTable([.left(title), .right("tensors"), .right("parameters"), .right("size")])
    for group in groups {
      table.add([group.name, "\(group.tensors)", Count.text(group.parameters), Quantity.text(group.bytes)])
    }
    return table.text()
  }

  private var stackTable: String {
    var table = TextTable([
      .left("stack"), .right("layers"), .right("tensors"), .right("parameters"), .right("size"),
    ])
    for stack in stacks {
      table.add([
        stack.name, "\(checkpoint.catalogue.layerCounts[stack.name] ?? 0)", "\(stack.tensors)",
        Count.text(stack.parameters), Quantity.text(stack.bytes),
      ])
    }
    return table.text()
  }

  private var tensorTable: String {
    let hasFiles = checkpoint.files.count > 1
    var table = TextTable(
      [.left("tensor"), .left("dtype"), .left("shape"), .right("size")] + (hasFiles ? [.left("file")] : []))
    for (tensor, location) in zip(checkpoint.catalogue.tensors, checkpoint.locations) {
      let file = hasFiles ? [ModelPath.lastPart(checkpoint.files[location.file].path)] : []
      table.add(
        [tensor.name, tensor.dtype.rawValue, tensor.shape.description, Quantity.text(tensor.byteCount)] + file)
    }
    return table.text()
  }
}
