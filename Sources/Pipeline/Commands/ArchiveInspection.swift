public import WeirIO
internal import WeirTensors

/// What can be told of an archive from its header and index.
public struct ArchiveInspection: Sendable {
  public let archive: Archive
  /// What its ternary tensors keep, where they have been decoded.
  public internal(set) var density: KeptDensity?

  /// Opens an archive.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where it cannot be opened or is not sound.
  public init(path: String, options: RunOptions = RunOptions()) throws(PipelineError) {
    archive = try Plan.run(.request) { () throws(CheckpointError) in
      try Archive.open(path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
    }
  }

  /// Whether a path leads to an archive, by its name or what it says of itself.
  public static func isArchive(_ path: String, options: RunOptions = RunOptions()) -> Bool {
    path.hasSuffix(ArchiveSpec.suffix) || Archive.isArchive(path, maximumHeaderBytes: options.maximumHeaderBytes)
  }

  /// Tensors that have something in common.
  struct Group {
    let name: String
    private(set) var tensors = 0
    private(set) var parameters = 0
    private(set) var bytes = 0

    init(name: String) { self.name = name }

    mutating func add(_ tensor: ArchiveTensor, _ byteCount: Int) {
      tensors += 1
      parameters += tensor.info.elementCount
      bytes += byteCount
    }
  }

  /// The tensors of each codec, the one with the most parameters first.
  var codecs: [Group] {
    var groups: [ArchiveCodec: Group] = [:]
    for tensor in archive.tensors {
      groups[tensor.codec, default: Group(name: tensor.codec.name)].add(tensor, byteCount(of: tensor))
    }
    return groups.values.sorted { ($1.parameters, $0.name) < ($0.parameters, $1.name) }
  }

  /// Bytes of a tensor's blocks.
  func byteCount(of tensor: ArchiveTensor) -> Int {
    let first = tensor.sharedBlock ?? tensor.blocks.lowerBound
    return archive.blocks[first..<tensor.blocks.upperBound].count
  }

  /// Bits of the whole file per element of the tuned tensors; `nil` where there are none.
  var bitsPerParameter: Double? { Self.bits(archive.file.byteCount, archive.catalogue.elementCount) }

  static func bits(_ byteCount: Int, _ elementCount: Int) -> Double? {
    elementCount > 0 ? Double(byteCount) * 8 / Double(elementCount) : nil
  }

  /// The metadata that say more than the index does.
  var remarks: [(key: String, value: String)] {
    let own: Set<String> = [
      "format", "tva_version", "min_reader", "index", "kind", "codecs", "params", "base_fingerprint",
      "result_fingerprint",
    ]
    return archive.metadata.filter { !own.contains($0.key) }.sorted { $0.key < $1.key }
  }
}
