public import WeirIO
internal import WeirTensors

extension Verification {
  /// Every failure, and at the end what was read.
  public var text: String {
    let lines = failures.map(\.message) + [summary]
    return lines.joined(separator: "\n") + "\n"
  }

  private var summary: String {
    let size = Quantity.text(byteCount)
    let tensors = Wording.count(tensorCount, "tensor")
    let read =
      isArchive
      ? "\(tensors) in \(Wording.count(blockCount, "block")), \(size)"
      : "\(tensors), \(size) in \(Wording.count(fileCount, "file"))"
    let verdict =
      isSound
      ? (isArchive
        ? "every checksum is right"
        : fingerprint == nil ? "every number is finite" : "every hash is right, every number finite")
      : "\(Wording.count(failures.count, isArchive ? "block" : fingerprint == nil ? "tensor" : "check")) "
        + (failures.count == 1 ? "fails" : "fail")
    return "\(MessageText.escaped(path)): \(read): \(verdict)"
  }

  /// What was found, for programs.
  public var json: JSONValue {
    let failures = failures.map { failure in
      JSONValue.object([
        ("tensor", failure.tensor.map { .string($0) } ?? .null), ("message", .string(failure.message)),
      ])
    }
    return .object([
      ("path", .string(path)), ("archive", .bool(isArchive)), ("sound", .bool(isSound)),
      ("tensors", .number(tensorCount)), ("bytes", .number(byteCount)), ("files", .number(fileCount)),
      ("blocks", .number(blockCount)), ("fingerprint", fingerprint.map { .string($0.description) } ?? .null),
      ("failures", .array(failures)), ("notes", .array(notes.map { .string($0) })),
    ])
  }
}
