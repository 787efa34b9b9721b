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
    let kept = outputs.reduce(0) { $0 + $1.keptByteCount }
    return "\(Wording.count(tensors, "tensor")), read \(Quantity.text(bytesRead)), wrote \(Quantity.text(bytesToDisk)) "
      + (kept > 0 ? "(\(Quantity.text(kept)) by an earlier run) " : "")
      + "in \(Quantity.decimal(seconds, places: seconds < 100 ? 2 : 0)) s (\(rate)/s): "
      + places.joined(separator: ", ")
  }

  /// The SHA-256 of every file as 'sha256sum' prints it.
  public var sha256Text: String {
    outputs.flatMap { output in
      output.sha256.map { file, digits in
        let path = output.path ?? ""
        return "\(digits)  \(path.hasSuffix(".safetensors") ? path : "\(path)/\(file)")\n"
      }
    }.joined()
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
    if keptByteCount > 0 { members.append(("bytes_kept", .number(keptByteCount))) }
    if !sha256.isEmpty { members.append(("sha256", .object(sha256.map { ($0.file, .string($0.digits)) }))) }
    if !nonFinite.isEmpty {
      let tensors = nonFinite.map { tensor -> (String, JSONValue) in
        (tensor.tensor, .object([("nans", .number(tensor.nans)), ("infinities", .number(tensor.infinities))]))
      }
      members.append(("non_finite", .object(tensors)))
    }
    if let fingerprint { members.append(("fingerprint", .string(fingerprint.description))) }
    return .object(members)
  }
}
