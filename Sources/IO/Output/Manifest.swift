internal import WeirTensors

/// The hashes of a checkpoint's tensors, which say whether it still is what was written.
///
/// A folder has them in a file of its own:
///
///     {
///       "weir_manifest": 1,
///       "fingerprint": "…",
///       "files": {"model.safetensors": {"bytes": 4096, "sha256": "…"}},
///       "tensors": {"model.norm.weight": "…"}
///     }
///
/// A single file has them in its header's `__metadata__`, under ``metadataKey``: 32 digits for each tensor, ordered by the bytes of
/// their names. The hash of a tensor is that of ``TensorHasher``; the fingerprint is that of ``Fingerprint``.
public struct Manifest: Equatable, Sendable {
  /// One weights file.
  public struct File: Equatable, Sendable {
    public let name: String
    public let byteCount: Int
    /// The SHA-256 of the whole file, in 64 digits, where it was asked for.
    public let sha256: String?

    public init(name: String, byteCount: Int, sha256: String? = nil) {
      self.name = name
      self.byteCount = byteCount
      self.sha256 = sha256
    }
  }

  /// The file's name in a folder.
  public static let fileName = "weir-manifest.json"
  /// The key of a single file's metadata.
  public static let metadataKey = "weir.hashes"
  /// The version that is written, and the only one that is read.
  public static let version = 1
  static let maximumByteCount = 1 << 30

  /// Each tensor's hash, by name.
  public let tensors: [String: Hash128]
  /// The weights files; none of a single file, whose name may have changed.
  public let files: [File]

  public init(tensors: [String: Hash128], files: [File] = []) {
    self.tensors = tensors
    self.files = files
  }

  /// One hash for all tensors.
  public var fingerprint: Hash128 { Fingerprint.of(tensors.map { (name: $0.key, hash: $0.value) }) }

  // MARK: - Writing

  /// The text of the file, tensors in the order of their names' bytes.
  public var json: [UInt8] {
    let files = files.map { file -> (String, JSONValue) in
      let facts = [("bytes", JSONValue.number(file.byteCount))] + (file.sha256.map { [("sha256", .string($0))] } ?? [])
      return (file.name, .object(facts))
    }
    let value = JSONValue.object([
      ("weir_manifest", .number(Self.version)), ("fingerprint", .string(fingerprint.description)),
      ("files", .object(files)),
      ("tensors", .object(tensors.keys.sortedByBytes().map { ($0, .string(tensors[$0]?.description ?? "")) })),
    ])
    return Array((JSON.text(value, indent: 2) + "\n").utf8)
  }

  /// The metadata of a single file.
  static func metadata(_ tensors: [TensorInfo], _ hashes: [Hash128]) -> [String: String] {
    let known = Dictionary(zip(tensors, hashes).map { ($0.name, $1) }) { first, _ in first }
    let text = tensors.map(\.name).sortedByBytes().map { known[$0]?.description ?? "" }.joined()
    return ["format": "pt", metadataKey: text]
  }

  // MARK: - Reading

  /// The manifest of a checkpoint, beside its files or in the only one; `nil` where there is none.
  ///
  /// - Throws: ``CheckpointError`` where it is not sound.
  public static func of(_ checkpoint: Checkpoint) throws(CheckpointError) -> Manifest? {
    let path = PathText.joined(checkpoint.folder, fileName)
    if checkpoint.isWholeFolder, FileSystem.facts(path, followingLinks: true)?.kind == .file {
      return try read(path)
    }
    guard checkpoint.files.count == 1, let text = checkpoint.metadata[metadataKey] else { return nil }
    let names = checkpoint.catalogue.tensors.map(\.name).sortedByBytes()
    let digits = Array(text.utf8)
    guard digits.count == 32 * names.count else {
      throw CheckpointError(
        .malformed(
          found: "\(digits.count) digits in \"\(metadataKey)\"", expected: "32 for each of \(names.count) tensors"),
        file: checkpoint.files[0].path)
    }
    var tensors: [String: Hash128] = [:]
    for (place, name) in names.enumerated() {
      let part = String(decoding: digits[32 * place..<32 * (place + 1)], as: UTF8.self)
      guard let hash = Hash128(part) else {
        throw CheckpointError(
          .malformed(found: "\"\(metadataKey)\" has other characters", expected: "hexadecimal digits"),
          file: checkpoint.files[0].path, tensor: name)
      }
      tensors[name] = hash
    }
    return Manifest(tensors: tensors)
  }

  /// Reads a manifest's file.
  static func read(_ path: String) throws(CheckpointError) -> Manifest {
    let bytes = try TextFile.read(path, maximumByteCount: maximumByteCount)
    let root = try TextFile.parse(bytes, path: path, limits: JSONLimits())
    func wrong(_ value: JSONValue, _ found: String, _ expected: String) -> CheckpointError {
      CheckpointError(
        .malformed(found: found, expected: expected), file: path, position: TextFile.position(value.offset, in: bytes))
    }
    guard let version = root["weir_manifest"]?.int else { throw wrong(root, "no \"weir_manifest\"", "a manifest") }
    guard version == Self.version else {
      throw wrong(root, "a manifest of version \(version)", "\(Self.version); use a Weir that reads it")
    }
    var tensors: [String: Hash128] = [:]
    for member in root["tensors"]?.object ?? [] {
      guard let hash = member.value.string.flatMap({ Hash128($0) }) else {
        throw wrong(member.value, "tensor \(MessageText.quoted(member.key)) without a hash", "32 hexadecimal digits")
      }
      tensors[member.key] = hash
    }
    let files = try (root["files"]?.object ?? []).map { (member) throws(CheckpointError) in
      guard PathText.isPlainName(member.key) else {
        throw CheckpointError(.leavesFolder(member.key), file: path)
      }
      guard let byteCount = member.value["bytes"]?.int, byteCount >= 0 else {
        throw wrong(member.value, "file \(MessageText.quoted(member.key)) without \"bytes\"", "its size")
      }
      return File(name: member.key, byteCount: byteCount, sha256: member.value["sha256"]?.string?.lowercased())
    }
    let manifest = Manifest(tensors: tensors, files: files)
    guard let text = root["fingerprint"]?.string, text.lowercased() == manifest.fingerprint.description else {
      throw wrong(root["fingerprint"] ?? root, "a fingerprint that is not its tensors'", "\(manifest.fingerprint)")
    }
    return manifest
  }
}
