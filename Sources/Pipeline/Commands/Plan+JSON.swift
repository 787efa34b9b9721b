public import WeirIO
internal import WeirTensors

extension Plan {
  /// What the run would read, write and use, for programs.
  public var json: JSONValue {
    .object([
      ("sources", .array(graph.sources.map(Self.json) + graph.coefficientFiles.map(Self.json))),
      ("outputs", .array(outputs.map(\.json))),
      ("bytes_read", .number(bytesIn)), ("bytes_written", .number(bytesWritten)),
      ("working_set", .number(workingSet)), ("memory", .number(options.memory)), ("threads", .number(options.threads)),
      ("warnings", .array(warnings.map { .string($0.description) })),
    ])
  }

  private static func json(_ source: OpenSource) -> JSONValue {
    .object([
      ("name", .string(source.spec.name.name)), ("path", .string(source.spec.path)),
      ("tensors", .number(source.catalogue.tensors.count)),
      ("bytes", .number(source.byteCount)),
      ("files", .array(source.files.map { .string($0.path) })),
    ])
  }
}

extension Plan {
  private static func json(_ name: String, _ file: CoefficientFile) -> JSONValue {
    .object([
      ("name", .string(name)), ("path", .string(file.path)), ("tensors", .number(file.tensorCount)),
      ("bytes", .number(file.byteCount)), ("files", .array(file.paths.map { .string($0) })),
    ])
  }
}

extension Plan.Output {
  fileprivate var json: JSONValue {
    let files = isDigest ? [] : layout.files
    return .object([
      ("to", .string(place)), ("from", .string(spec.from.name)), ("passes", .number(passes)),
      ("model_sweeps", .number(modelSweeps)), ("bytes_read", .number(bytesIn)),
      ("bytes_written", .number(bytesWritten)),
      (
        "files",
        .array(files.map { .object([("name", .string($0.name)), ("bytes", .number($0.byteCount))]) })
      ),
      ("tensors", .array(tensors.map { $0.json(sweeps: modelSweeps) })),
    ])
  }
}

extension Plan.Tensor {
  fileprivate func json(sweeps: Int) -> JSONValue {
    .object([
      ("name", .string(info.name)), ("dtype", .string(info.dtype.rawValue)),
      ("shape", .array(info.shape.extents.map { .number($0) })), ("copied", .bool(isCopy)),
      ("passes", .number(passes + sweeps)), ("bytes_read", .number(inputBytes * (passes + sweeps))),
      ("bytes_written", .number(info.byteCount)),
    ])
  }
}
