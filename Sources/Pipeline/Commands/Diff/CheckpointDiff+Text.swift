internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension CheckpointDiff {
  /// The tensors and the totals, in aligned tables.
  ///
  /// - Parameter ulps: whether every tensor gets its distances in units of the last place.
  public func text(ulps: Bool = false) -> String {
    var parts = tensors.contains { $0.difference != nil } ? [tensorTable] : []
    if ulps, let table = tensorUlpTable { parts.append(table) }
    if let table = mismatchTable { parts.append(table) }
    for (checkpoint, tensors) in [(a, onlyInA), (b, onlyInB)] where !tensors.isEmpty {
      parts.append(Self.table(of: tensors, onlyIn: checkpoint.path))
    }
    parts.append(facts)
    if let table = ulpTable { parts.append(table) }
    return parts.joined(separator: "\n")
  }

  private var tensorTable: String {
    var table = TextTable([
      .left("tensor"), .left("dtype"), .right("changed"), .right("‖A‖"), .right("‖B‖"), .right("‖B−A‖"),
      .right("cosine"), .right("max |B−A|"),
    ])
    for tensor in tensors {
      guard let difference = tensor.difference else { continue }
      table.add([tensor.a.name, tensor.dtypeText, Figure.percent(difference.changedShare)] + difference.numbersText)
    }
    return table.text()
  }

  private var facts: String {
    let total = total
    var table = TextTable([.left(""), .left("")])
    table.add(["A", a.path])
    table.add(["B", b.path])
    let equal = tensors.count { $0.difference?.changedCount == 0 && $0.a.dtype == $0.b.dtype }
    table.add(["tensors", "\(tensors.count) in both, \(equal) of them equal"])
    table.add([
      "changed", "\(Figure.percent(total.changedShare)) (\(total.changedCount) of \(total.elementCount) elements)",
    ])
    if total.hasNumbers {
      let relative = total.normA > 0 ? " (\(Figure.text(total.normDifference / total.normA)) of ‖A‖)" : ""
      table.add(["norms", "‖A‖ \(Figure.text(total.normA)), ‖B‖ \(Figure.text(total.normB))"])
      table.add([
        "difference", "‖B−A‖ \(Figure.text(total.normDifference))\(relative), at most \(Figure.text(total.largest))",
      ])
      table.add(["cosine", total.cosine.map { Quantity.decimal($0, places: 6) } ?? "none"])
    }
    if total.nonFiniteCount > 0 {
      table.add(["not finite", "\(Wording.count(total.nonFiniteCount, "element")), left out of norms and cosine"])
    }
    return table.text()
  }

  private var mismatchTable: String? {
    let mismatches = tensors.filter { $0.difference == nil }
    guard !mismatches.isEmpty else { return nil }
    var table = TextTable([.left("of two shapes"), .left("A"), .left("B")])
    for tensor in mismatches {
      table.add([
        tensor.a.name, "\(tensor.a.dtype.rawValue) \(tensor.a.shape)", "\(tensor.b.dtype.rawValue) \(tensor.b.shape)",
      ])
    }
    return table.text()
  }

  private static func table(of tensors: [TensorInfo], onlyIn path: String) -> String {
    var table = TextTable([.left("only in \(path)"), .left("dtype"), .left("shape")])
    for tensor in tensors { table.add([tensor.name, tensor.dtype.rawValue, tensor.shape.description]) }
    return table.text()
  }

  // MARK: Units in the last place

  /// Where every tensor has its own line: near distances each, far ones together.
  private var tensorUlpTable: String? {
    let near = 8
    guard tensors.contains(where: { !($0.difference?.ulps.isEmpty ?? true) }) else { return nil }
    let beyond = Difference.distances(at: near - 1).upperBound
    var table = TextTable(
      [.left("ulps apart")] + (0..<near).map { .right(Difference.label(at: $0)) } + [.right(">\(beyond)")])
    for tensor in tensors {
      guard let ulps = tensor.difference?.ulps, !ulps.isEmpty else { continue }
      let count = Double(ulps.reduce(0, +))
      let shares = (0..<near).map { $0 < ulps.count ? ulps[$0] : 0 } + [ulps.dropFirst(near).reduce(0, +)]
      table.add([tensor.a.name] + shares.map { Figure.percent(Double($0) / count) })
    }
    return table.text()
  }

  private var ulpTable: String? {
    let ulps = total.ulps
    let count = ulps.reduce(0, +)
    guard count > 0 else { return nil }
    var table = TextTable([.right("ulps apart"), .right("elements"), .right("share")])
    for (place, elements) in ulps.enumerated() where elements > 0 {
      table.add([
        Difference.label(at: place), "\(elements)", Figure.percent(Double(elements) / Double(count), places: 2),
      ])
    }
    return table.text()
  }
}

extension CheckpointDiff.Tensor {
  /// `BF16`, or `BF16 → F32` where the two differ.
  fileprivate var dtypeText: String {
    a.dtype == b.dtype ? a.dtype.rawValue : "\(a.dtype.rawValue) → \(b.dtype.rawValue)"
  }
}

extension Difference {
  /// Norms, cosine and the largest difference; dashes where the elements are no numbers.
  fileprivate var numbersText: [String] {
    guard hasNumbers else { return Array(repeating: "–", count: 5) }
    return [
      Figure.text(normA), Figure.text(normB), Figure.text(normDifference),
      cosine.map { Quantity.decimal($0, places: 6) } ?? "–", Figure.text(largest),
    ]
  }

  /// `0`, `3–4`.
  static func label(at place: Int) -> String {
    let distances = distances(at: place)
    let (first, last) = (distances.lowerBound, distances.upperBound)
    return first == last ? "\(first)" : "\(first)–\(last)"
  }
}
