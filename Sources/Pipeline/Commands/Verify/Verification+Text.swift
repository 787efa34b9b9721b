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
    return "\(MessageText.escaped(path)): \(read): \(isSound ? praise : blame)"
  }

  private var praise: String {
    guard isArchive else {
      return fingerprint == nil ? "every number is finite" : "every hash is right, every number finite"
    }
    let decoded = tensorCount - undecodedCount
    return undecodedCount == 0
      ? "every checksum is right, every number finite"
      : "every checksum is right, every number of \(Wording.count(decoded, "tensor")) finite; "
        + "give the base by --base to look at the other \(undecodedCount)"
  }

  private var blame: String {
    let thing = !isArchive && fingerprint == nil ? "tensor" : "check"
    return "\(Wording.count(failures.count, thing)) \(failures.count == 1 ? "fails" : "fail")"
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
      ("blocks", .number(blockCount)), ("undecoded", .number(undecodedCount)),
      ("fingerprint", fingerprint.map { .string($0.description) } ?? .null),
      ("failures", .array(failures)), ("notes", .array(notes.map { .string($0) })),
    ])
  }
}
