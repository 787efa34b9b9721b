public import WeirIO
internal import WeirTensors

extension ArchiveInspection {
  /// What there is, for programs: every tensor.
  public var json: JSONValue {
    let catalogue = archive.catalogue
    var members: [(String, JSONValue)] = [
      ("path", .string(archive.path)), ("archive", .bool(true)), ("kind", .string(archive.kind.rawValue)),
      ("parameters", .number(catalogue.elementCount)), ("bytes", .number(archive.file.byteCount)),
      ("bytes_of_result", .number(catalogue.byteCount)),
      ("bits_per_parameter", bitsPerParameter.map { .number($0) } ?? .null),
      ("base_fingerprint", archive.baseFingerprint.map { .string($0.description) } ?? .null),
      ("result_fingerprint", archive.resultFingerprint.map { .string($0.description) } ?? .null),
      ("metadata", .object(archive.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
    ]
    if let density {
      members.append(
        (
          "ternary",
          .object([
            ("elements", .number(density.elementCount)), ("kept", .number(density.keptCount)),
            ("density", .number(density.density)), ("bytes", .number(density.byteCount)),
            ("share_of_entropy", density.shareOfEntropy.map { .number($0) } ?? .null),
          ])
        ))
    }
    let codecs = codecs.map { group -> JSONValue in
      .object([
        ("codec", .string(group.name)), ("tensors", .number(group.tensors)), ("parameters", .number(group.parameters)),
        ("bytes", .number(group.bytes)),
        ("bits_per_parameter", Self.bits(group.bytes, group.parameters).map { .number($0) } ?? .null),
      ])
    }
    let files = archive.sideFiles.map { file -> JSONValue in
      .object([
        ("name", .string(file.name)), ("bytes", .number(file.byteCount)), ("same_as_base", .bool(file.isSameAsBase)),
      ])
    }
    members += [
      ("codecs", .array(codecs)), ("files", .array(files)),
      ("tensors", .array(archive.tensors.indices.map(tensorJSON))),
    ]
    return .object(members)
  }

  private func tensorJSON(_ place: Int) -> JSONValue {
    let tensor = archive.tensors[place]
    let bytes = byteCount(of: tensor)
    var members: [(String, JSONValue)] = [
      ("name", .string(tensor.info.name)), ("codec", .string(tensor.codec.name)),
      ("dtype", .string(tensor.info.dtype.rawValue)),
      ("shape", .array(tensor.info.shape.extents.map { .number($0) })), ("blocks", .number(tensor.blocks.count)),
      ("bytes", .number(bytes)),
      ("bits_per_parameter", Self.bits(bytes, tensor.info.elementCount).map { .number($0) } ?? .null),
      ("base_hash", tensor.baseHash.map { .string($0.description) } ?? .null),
      ("result_hash", tensor.resultHash.map { .string($0.description) } ?? .null),
    ]
    if case .lowrank(let rank) = tensor.coding { members.append(("rank", .number(rank))) }
    if let kept = density?.kept[place] { members.append(("kept", .number(kept))) }
    return .object(members)
  }
}
