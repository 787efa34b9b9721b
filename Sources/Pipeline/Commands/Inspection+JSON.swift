public import WeirIO
internal import WeirTensors

extension Inspection {
  /// What there is, for programs: every file, every tensor.
  public var json: JSONValue {
    let catalogue = checkpoint.catalogue
    let stacks = stacks.map { stack -> JSONValue in
      .object([
        ("name", .string(stack.name)), ("layers", .number(catalogue.layerCounts[stack.name] ?? 0)),
        ("tensors", .number(stack.tensors)), ("parameters", .number(stack.parameters)), ("bytes", .number(stack.bytes)),
      ])
    }
    return .object([
      ("path", .string(checkpoint.path)),
      ("model_type", checkpoint.config?["model_type"] ?? .null),
      ("architectures", checkpoint.config?["architectures"] ?? .array([])),
      ("parameters", .number(catalogue.elementCount)), ("bytes", .number(catalogue.byteCount)),
      ("quantisation", checkpoint.quantisation.map { .string($0) } ?? .null),
      ("adapter", adapter.map(Self.json) ?? .null),
      ("metadata", .object(checkpoint.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
      ("dtypes", .array(dtypes.map(Self.json))), ("stacks", .array(stacks)),
      ("files", .array(zip(checkpoint.files, files).map(Self.json))),
      ("tensors", .array(zip(catalogue.tensors, checkpoint.locations).map(json))),
      ("notes", .array(notes.map { .string($0) })),
    ])
  }

  private static func json(_ adapter: Adapter) -> JSONValue {
    let modules = adapter.modules.map { module -> JSONValue in
      .object([
        ("name", .string(module.name)), ("rank", .number(module.factors?.rank ?? 0)),
        ("scale", .number(module.factors?.scale ?? 0)), ("magnitude", .bool(module.magnitude != nil)),
        ("bias", .bool(module.bias != nil)),
      ])
    }
    return .object([
      ("rslora", .bool(adapter.usesRootRank)), ("dora", .bool(adapter.hasMagnitudes)),
      ("fan_in_fan_out", .bool(adapter.isFanInFanOut)), ("modules", .array(modules)),
      ("whole", .array(adapter.wholes.map { .string($0.name) })),
    ])
  }

  private static func json(_ group: Group) -> JSONValue {
    .object([
      ("name", .string(group.name)), ("tensors", .number(group.tensors)), ("parameters", .number(group.parameters)),
      ("bytes", .number(group.bytes)),
    ])
  }

  private static func json(_ file: InputFile, _ group: Group) -> JSONValue {
    .object([
      ("path", .string(file.path)), ("bytes", .number(file.byteCount)), ("tensors", .number(group.tensors)),
    ])
  }

  private func json(_ tensor: TensorInfo, _ location: TensorLocation) -> JSONValue {
    .object([
      ("name", .string(tensor.name)), ("dtype", .string(tensor.dtype.rawValue)),
      ("shape", .array(tensor.shape.extents.map { .number($0) })), ("file", .number(location.file)),
      ("begin", .number(location.bytes.lowerBound)), ("end", .number(location.bytes.upperBound)),
    ])
  }
}
