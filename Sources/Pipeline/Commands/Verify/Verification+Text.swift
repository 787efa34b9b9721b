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
    guard undecodedCount > 0 else { return "every checksum is right, every number finite" }
    let hint = "give the base by --base"
    guard undecodedCount < tensorCount else {
      return "every checksum is right; no number was looked at, for every tensor is coded by its base: \(hint)"
    }
    let decoded = Wording.count(tensorCount - undecodedCount, "tensor")
    return "every checksum is right, every number of \(decoded) finite; \(hint) to look at the other \(undecodedCount)"
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
