public import WeirIO
internal import WeirTensors

extension RunReport {
  /// One line: how much was done, how fast, and where it is.
  public func summary(seconds: Double) -> String {
    let tensors = outputs.reduce(0) { $0 + $1.tensorCount }
    let rate = Quantity.text(Int(Double(bytesRead + bytesToDisk) / max(seconds, 1e-3)))
    let places = outputs.map { output in
      let place = output.path ?? output.digest.map { "digest \($0.total)" } ?? ""
      return place + (output.fingerprint.map { ", fingerprint \($0) as archived" } ?? "")
    }
    return "\(Wording.count(tensors, "tensor")), read \(Quantity.text(bytesRead)), wrote \(Quantity.text(bytesToDisk)) "
      + "in \(Quantity.decimal(seconds, places: seconds < 100 ? 2 : 0)) s (\(rate)/s): "
      + places.joined(separator: ", ")
  }

  /// Bytes of the outputs that are on a disk now.
  private var bytesToDisk: Int { outputs.reduce(0) { $0 + ($1.path == nil ? 0 : $1.byteCount) } }

  /// The same for programs, with the hashes of outputs that are only hashed.
  public func json(seconds: Double) -> JSONValue {
    .object([
      ("outputs", .array(outputs.map(\.json))), ("bytes_read", .number(bytesRead)),
      ("bytes_written", .number(bytesToDisk)), ("seconds", .number((seconds * 1000).rounded() / 1000)),
      ("notes", .array(notes.map { .string($0) })),
    ])
  }
}

extension RunReport.Output {
  fileprivate var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("path", path.map { .string($0) } ?? .null), ("tensors", .number(tensorCount)), ("bytes", .number(byteCount)),
      ("files", .number(path == nil ? 0 : fileCount)),
    ]
    if let digest {
      members.append(("digest", .string(digest.total.description)))
      members.append(
        ("tensor_digests", .object(digest.tensors.map { ($0.name, .string($0.hash.description)) })))
    }
    if let fingerprint { members.append(("fingerprint", .string(fingerprint.description))) }
    return .object(members)
  }
}
