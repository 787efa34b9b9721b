internal import WeirIO
internal import WeirTensors

extension Plan.Output {
  /// Where it goes, as the pipeline says it: a path, or `digest:NAME`.
  public var place: String {
    switch spec.destination {
    case .folder(let path), .file(let path), .archive(let path): path
    case .digest(let name): "digest:\(name)"
    }
  }

  var isDigest: Bool {
    if case .digest = spec.destination { true } else { false }
  }

  /// Bytes that reach a disk: none where they are only hashed.
  public var bytesWritten: Int { isDigest ? 0 : bytesOut }
}

extension Plan {
  /// Bytes that reach a disk.
  public var bytesWritten: Int { outputs.reduce(0) { $0 + $1.bytesWritten } }

  /// What the run would read, write and use, in aligned tables.
  ///
  /// - Parameter tensors: whether every tensor gets a line.
  public func text(tensors: Bool = false) -> String {
    var parts = [sourceTable(), outputTable(), budgetLine]
    if tensors { parts += outputs.map { tensorTable($0) } }
    return parts.joined(separator: "\n")
  }

  private func sourceTable() -> String {
    var table = TextTable([.left("source"), .right("tensors"), .right("size"), .right("files"), .left("path")])
    for source in graph.sources {
      table.add([
        source.spec.name.name, "\(source.catalogue.tensors.count)", Quantity.text(source.byteCount),
        "\(source.files.count)", source.spec.path,
      ])
    }
    for (name, file) in graph.coefficientFiles {
      table.add([name, "\(file.tensorCount)", Quantity.text(file.byteCount), "\(file.paths.count)", file.path])
    }
    return table.text()
  }

  private func outputTable() -> String {
    var table = TextTable([
      .left("output"), .left("from"), .right("tensors"), .right("merged"), .right("copied"), .right("passes"),
      .right("reads"), .right("writes"), .right("files"),
    ])
    for output in outputs {
      let copied = output.tensors.count { $0.isCopy }
      table.add([
        output.place, output.spec.from.name, "\(output.tensors.count)", "\(output.tensors.count - copied)", "\(copied)",
        "\(output.passes)", Quantity.text(output.bytesIn), Quantity.text(output.bytesWritten),
        output.isDigest ? "none" : "\(output.layout.files.count)",
      ])
    }
    if outputs.count > 1 {
      table.add(["total", "", "", "", "", "", Quantity.text(bytesIn), Quantity.text(bytesWritten)])
    }
    return table.text()
  }

  private var budgetLine: String {
    "working set \(Quantity.binaryText(workingSet)) of a budget of \(Quantity.binaryText(options.memory)), "
      + "\(Wording.count(options.threads, "thread"))\n"
  }

  private func tensorTable(_ output: Plan.Output) -> String {
    var table = TextTable([
      .left("tensor"), .left("dtype"), .left("shape"), .left("how"), .right("passes"), .right("reads"),
      .right("writes"),
    ])
    for tensor in output.tensors {
      let passes = tensor.passes + output.modelSweeps
      table.add([
        tensor.info.name, tensor.info.dtype.rawValue, tensor.info.shape.description, tensor.isCopy ? "copy" : "merge",
        "\(passes)", Quantity.text(tensor.inputBytes * passes), Quantity.text(tensor.info.byteCount),
      ])
    }
    return outputs.count > 1 ? "\(output.place)\n\(table.text(indent: 2))" : table.text()
  }
}
