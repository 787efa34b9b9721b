public import WeirTensors

/// Where a tensor's bytes lie.
public struct TensorLocation: Hashable, Sendable {
  /// The place of its file in ``Checkpoint/files``.
  public let file: Int
  /// Its bytes, counted from the first of the file.
  public let bytes: Range<Int>

  public init(file: Int, bytes: Range<Int>) {
    self.file = file
    self.bytes = bytes
  }
}

/// Named tensors on a disk, in one file or many, checked and open.
///
/// Opening reads headers, the index and `config.json`, and no weights. All that a header or an index says has been
/// checked against the files, so that a tensor's location lies in its file and no two tensors share a byte.
public final class Checkpoint: Sendable {
  /// The path, as the user gave it.
  public let path: String
  /// The folder that holds `config.json` and the other side files.
  public let folder: String
  /// The files, in the order of their names.
  public let files: [InputFile]
  /// The tensors: file by file, in each in the order of their data.
  public let catalogue: Catalogue
  /// The location of each tensor of ``catalogue``.
  public let locations: [TensorLocation]
  /// The `__metadata__` of the first file.
  public let metadata: [String: String]
  /// The folder's `config.json`.
  public let config: JSONValue?
  /// The bytes that ``config`` was read from.
  public let configBytes: [UInt8]?
  /// The method that the weights are quantised by and where that is said; arithmetic on them would be wrong.
  public let quantisation: String?
  /// Whether the path named a folder or an index, so that what lies around the weights belongs to them.
  public let isWholeFolder: Bool
  /// What was left out and why, one line each.
  public let notes: [String]

  /// Opens a checkpoint and checks all that it says of itself.
  ///
  /// - Parameters:
  ///   - path: a `.safetensors` file, an index of shards, or a folder that holds either.
  ///   - policy: how weights will be brought into memory.
  ///   - maximumHeaderBytes: the largest header that is read; ``SafetensorsHeader/defaultMaximumByteCount`` if `nil`.
  /// - Throws: ``CheckpointError`` that says which file, which tensor, and what was expected.
  public static func open(
    _ path: String, policy: ReadPolicy = .auto, maximumHeaderBytes: Int? = nil
  ) throws(CheckpointError) -> Checkpoint {
    let found = try CheckpointFiles.find(path)
    // Not a default argument: of one the compiler leaves the constant's value in the objects of other modules, where an
    // incremental build does not renew it.
    let limit = maximumHeaderBytes ?? SafetensorsHeader.defaultMaximumByteCount
    var shards = try CheckpointShards(found, policy: policy, maximumHeaderBytes: limit)
    if let index = found.index { try shards.keepOnly(index) }
    let catalogue = Catalogue(shards.tensors)
    try shards.checkNames(catalogue)
    var notes = found.notes + shards.notes
    let config = try ConfigFile.read(in: found.folder, isOptional: found.isLoneFile, notes: &notes)
    return Checkpoint(
      path: path, found.folder, shards, catalogue, config, isWholeFolder: !found.isLoneFile, notes: notes)
  }

  private init(
    path: String, _ folder: String, _ shards: CheckpointShards, _ catalogue: Catalogue, _ config: ConfigFile?,
    isWholeFolder: Bool, notes: [String]
  ) {
    self.path = path
    self.folder = folder
    files = shards.files
    self.catalogue = catalogue
    locations = shards.locations
    metadata = shards.metadata
    self.config = config?.value
    configBytes = config?.bytes
    quantisation = Quantisation.description(config: config?.value, catalogue: catalogue)
    self.isWholeFolder = isWholeFolder
    self.notes = notes
  }

  /// Where the tensor `name` lies.
  public func location(of name: String) -> TensorLocation? { catalogue.position(of: name).map { locations[$0] } }

  /// Checks that no file lost a page while it was read; to be asked before an output is believed.
  ///
  /// - Throws: ``CheckpointError`` with kind `.truncated`.
  public func checkIntact() throws(CheckpointError) {
    for file in files { try file.checkIntact() }
  }
}
