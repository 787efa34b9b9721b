internal import WeirIO
internal import WeirTensors

extension ArchiveInspection {
  /// What there is, in aligned tables.
  ///
  /// - Parameter tensors: whether every tensor gets a line.
  public func text(tensors: Bool = false) -> String {
    var parts = [facts, codecTable]
    if !archive.sideFiles.isEmpty { parts.append(fileTable) }
    if tensors { parts.append(tensorTable) }
    return parts.joined(separator: "\n")
  }

  private var facts: String {
    let catalogue = archive.catalogue
    var table = TextTable([.left(""), .left("")])
    table.add(["archive", archive.path])
    table.add(["holds", holds])
    table.add(["tensors", "\(catalogue.tensors.count)"])
    let exact = catalogue.elementCount < 1000 ? "" : " (\(catalogue.elementCount))"
    table.add(["parameters", Count.text(catalogue.elementCount) + exact])
    let bits = bitsPerParameter.map { ", \(Figure.text($0, digits: 3)) bits per parameter" } ?? ""
    table.add(["size", "\(Quantity.text(archive.file.byteCount))\(bits)"])
    let ratio = Double(catalogue.byteCount) / Double(max(1, archive.file.byteCount))
    table.add(["instead of", "\(Quantity.text(catalogue.byteCount)), \(Figure.text(ratio, digits: 3)) times as much"])
    if let density, let share = density.shareOfEntropy {
      table.add([
        "density",
        "\(Figure.percent(density.density, places: 2)) of the ternary tensors' elements, coded in "
          + "\(Figure.percent(share)) of their entropy",
      ])
    }
    table.add(["base", archive.baseFingerprint?.description ?? "none"])
    table.add(["result", archive.resultFingerprint?.description ?? "not known"])
    for (number, entry) in remarks.enumerated() {
      let value = entry.value.count > 60 ? "\(entry.value.prefix(60))…" : entry.value
      table.add([number == 0 ? "metadata" : "", "\(entry.key) = \(value)"])
    }
    return table.text()
  }

  private var holds: String {
    switch archive.kind {
    case .checkpoint:
      archive.shards.isEmpty
        ? "all of a checkpoint" : "all of a checkpoint in \(Wording.count(archive.shards.count, "file"))"
    case .delta: "a delta"
    case .adapter: "an adapter"
    }
  }

  private var codecTable: String {
    var table = TextTable([
      .left("codec"), .right("tensors"), .right("parameters"), .right("size"), .right("bits per parameter"),
    ])
    for group in codecs {
      table.add([
        group.name, "\(group.tensors)", Count.text(group.parameters), Quantity.text(group.bytes),
        Self.bits(group.bytes, group.parameters).map { Figure.text($0, digits: 3) } ?? "–",
      ])
    }
    return table.text()
  }

  private var fileTable: String {
    var table = TextTable([.left("file"), .right("size"), .left("where")])
    for file in archive.sideFiles {
      table.add([file.name, Quantity.text(file.byteCount), file.isSameAsBase ? "the base's own" : "in the archive"])
    }
    return table.text()
  }

  private var tensorTable: String {
    let hasDensity = density != nil
    var table = TextTable(
      [
        .left("tensor"), .left("codec"), .left("dtype"), .left("shape"), .right("blocks"), .right("size"),
        .right("bits per parameter"),
      ] + (hasDensity ? [.right("kept")] : []))
    for (place, tensor) in archive.tensors.enumerated() {
      let bytes = byteCount(of: tensor)
      let count = tensor.info.elementCount
      let kept = density?.kept[place].map { Figure.percent(Double($0) / Double(max(1, count)), places: 2) } ?? "–"
      table.add(
        [
          tensor.info.name, tensor.codec.name, tensor.info.dtype.rawValue, tensor.info.shape.description,
          "\(tensor.blocks.count)", Quantity.text(bytes),
          Self.bits(bytes, count).map { Figure.text($0, digits: 3) } ?? "–",
        ] + (hasDensity ? [kept] : []))
    }
    return table.text()
  }
}
