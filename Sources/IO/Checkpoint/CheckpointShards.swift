internal import WeirTensors

/// The open files of a checkpoint and the tensors of all of them, file by file.
struct CheckpointShards {
  private(set) var files: [InputFile] = []
  private(set) var tensors: [TensorInfo] = []
  private(set) var locations: [TensorLocation] = []
  private(set) var metadata: [String: String] = [:]
  private(set) var notes: [String] = []
  private let names: [String]
  private var byteCount = 0

  /// The most bytes of all tensors, by which sums over a thousand sources, or as many passes, stay far from overflow:
  /// no element takes less than a byte, so there are no more elements either, whatever type they are converted to.
  static let maximumByteCount = 1 << 50

  /// Opens the files and reads their headers.
  init(_ found: CheckpointFiles, policy: ReadPolicy, maximumHeaderBytes: Int) throws(CheckpointError) {
    names = found.names
    for name in found.names {
      // A lone file keeps the path that the user wrote.
      let path = found.folder == "." && found.isLoneFile ? name : PathText.joined(found.folder, name)
      let descriptor = try InputDescriptor(path)
      let header = try SafetensorsHeader.read(descriptor, maximumByteCount: maximumHeaderBytes)
      guard header.metadata[ArchiveFormat.Key.format] != ArchiveFormat.format else {
        throw CheckpointError(.isArchive, file: path)
      }
      try add(header.tensors, of: path)
      if files.isEmpty { metadata = header.metadata }
      tensors += header.tensors
      for range in header.ranges { locations.append(TensorLocation(file: files.count, bytes: range)) }
      files.append(try InputFile(descriptor, policy: policy))
    }
  }

  /// Counts the bytes of a file's tensors: a sparse file can claim more than any sum of them could hold.
  private mutating func add(_ tensors: [TensorInfo], of path: String) throws(CheckpointError) {
    for tensor in tensors {
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.byteCount)
      guard !overflow, sum <= Self.maximumByteCount else {
        throw CheckpointError(.checkpointTooLarge(limit: Self.maximumByteCount), file: path, tensor: tensor.name)
      }
      byteCount = sum
    }
  }

  /// Leaves out the tensors that the index does not place where they are, and checks that all that it names are there.
  mutating func keepOnly(_ index: ShardIndex) throws(CheckpointError) {
    let numbers = Dictionary(
      names.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var places: [String: Int] = Dictionary(minimumCapacity: index.entries.count)
    for entry in index.entries { places[entry.tensor] = numbers[entry.shard] }
    let kept = tensors.indices.filter { places[tensors[$0].name] == locations[$0].file }
    if kept.count < tensors.count { noteIgnored(among: Set(kept)) }
    let ordered = kept.map { (tensors[$0], locations[$0]) }
    tensors = ordered.map(\.0)
    locations = ordered.map(\.1)
    if tensors.count < index.entries.count {
      let present = Set(tensors.map(\.name))
      if let missing = index.entries.first(where: { !present.contains($0.tensor) }) {
        throw CheckpointError(
          .tensorNotInShard(shard: missing.shard), file: index.path, tensor: missing.tensor,
          position: index.position(of: missing.offset))
      }
    }
    byteCount = tensors.reduce(0) { $0 + $1.byteCount }
    if let total = index.totalByteCount, total != byteCount {
      notes.append("the index gives a total_size of \(total) bytes, its tensors have \(byteCount)")
    }
  }

  /// Checks that no two files have a tensor of one name.
  func checkNames(_ catalogue: Catalogue) throws(CheckpointError) {
    guard files.count > 1 else { return }
    for (place, tensor) in tensors.enumerated() {
      guard let first = catalogue.position(of: tensor.name), first != place else { continue }
      throw CheckpointError(
        .duplicateTensor(other: names[locations[first].file]), file: files[locations[place].file].path,
        tensor: tensor.name)
    }
  }

  private mutating func noteIgnored(among kept: Set<Int>) {
    var ignored: [Int: [String]] = [:]
    for place in tensors.indices where !kept.contains(place) {
      ignored[locations[place].file, default: []].append(tensors[place].name)
    }
    for (file, tensors) in ignored.sorted(by: { $0.key < $1.key }) {
      let first = MessageText.quoted(tensors[0])
      let count = tensors.count == 1 ? "tensor \(first)" : "\(tensors.count) tensors (\(first), …)"
      notes.append("ignored \(count) of \(MessageText.quoted(names[file])): not placed there by the index")
    }
  }
}

/// A checkpoint's `config.json`.
struct ConfigFile {
  let value: JSONValue
  let bytes: [UInt8]

  static let maximumByteCount = 64 << 20

  /// Reads the folder's `config.json`; `nil` where there is none, or where it is optional and not sound (with a note).
  static func read(
    in folder: String, isOptional: Bool, notes: inout [String]
  ) throws(CheckpointError) -> ConfigFile? {
    let path = PathText.joined(folder, "config.json")
    guard try FileSystem.entry(at: path, followingLinks: true)?.kind == .file else { return nil }
    do throws(CheckpointError) {
      let bytes = try TextFile.read(path, maximumByteCount: maximumByteCount)
      let value = try TextFile.parse(bytes, path: path, limits: JSONLimits(acceptsNonFinite: true))
      guard value.object != nil else {
        throw CheckpointError(
          .malformed(found: "found \(value.kindName)", expected: "an object"), file: path,
          position: TextFile.position(value.offset, in: bytes))
      }
      return ConfigFile(value: value, bytes: bytes)
    } catch {
      guard isOptional else { throw error }
      notes.append("ignored 'config.json': \(error)")
      return nil
    }
  }
}
