/// Which files make up the checkpoint that a path names; found by names alone, before any is opened.
struct CheckpointFiles {
  /// The folder that holds them.
  let folder: String
  /// Their names in the folder, sorted.
  let names: [String]
  var index: ShardIndex?
  var notes: [String] = []
  /// Whether the path named one weights file itself: what else lies in its folder may have nothing to do with it.
  var isLoneFile = false

  static let indexSuffix = ".safetensors.index.json"

  /// Finds the files of the folder, the index or the file at `path`.
  static func find(_ path: String) throws(CheckpointError) -> CheckpointFiles {
    switch try FileSystem.entry(at: path, followingLinks: true)?.kind {
    case .folder: return try inFolder(path)
    case .file where path.hasSuffix(".json"):
      if let refused = RefusedFormat(name: path) { throw refused.error(path) }
      return try named(by: PathText.name(of: path), in: PathText.parent(of: path), path: path)
    case .file: return try lone(path)
    case .link, .other: throw CheckpointError(.notARegularFile, file: path)
    case nil: throw CheckpointError(.notFound, file: path)
    }
  }

  private static func lone(_ path: String) throws(CheckpointError) -> CheckpointFiles {
    if let refused = RefusedFormat(name: path) { throw refused.error(path) }
    let name = PathText.name(of: path)
    var result = CheckpointFiles(folder: PathText.parent(of: path), names: [name])
    result.isLoneFile = true
    if let shard = ShardName(name), shard.total > 1 {
      result.notes = ["\(MessageText.quoted(name)) is one shard of \(shard.total): the others are not read"]
    }
    return result
  }

  private static func inFolder(_ path: String) throws(CheckpointError) -> CheckpointFiles {
    let folder = PathText.trimmed(path)
    let all = try FileSystem.names(in: folder).filter { !$0.hasPrefix(".") }
    var weights = all.filter { $0.hasSuffix(".safetensors") }
    let archives = weights.filter { $0.hasSuffix(ArchiveFormat.suffix) }
    if archives.count < weights.count {
      weights.removeAll { $0.hasSuffix(ArchiveFormat.suffix) }
      var result = try inFolder(path, folder, all, weights)
      result.notes += archives.map { "ignored \(MessageText.quoted($0)): a task-vector archive by its name" }
      return result
    }
    return try inFolder(path, folder, all, weights)
  }

  /// The files of a folder that holds `all`, and among them `weights`.
  private static func inFolder(
    _ path: String, _ folder: String, _ all: [String], _ weights: [String]
  ) throws(CheckpointError) -> CheckpointFiles {
    let indexes = all.filter { $0.hasSuffix(indexSuffix) }
    if indexes.contains("model" + indexSuffix) {
      return try named(by: "model" + indexSuffix, in: folder, path: nil, beside: weights)
    }
    guard indexes.count < 2 else { throw CheckpointError(.ambiguousFolder(indexes), file: path) }
    if let index = indexes.first { return try named(by: index, in: folder, path: nil, beside: weights) }
    if weights.contains("model.safetensors") {
      var result = CheckpointFiles(folder: folder, names: ["model.safetensors"])
      result.notes = weights.filter { $0 != "model.safetensors" }.map {
        "ignored \(MessageText.quoted($0)): 'model.safetensors' is the checkpoint"
      }
      return result
    }
    if let series = try ShardName.series(weights, folder: path) {
      return CheckpointFiles(folder: folder, names: series)
    }
    guard weights.count < 2 else { throw CheckpointError(.ambiguousFolder(weights), file: path) }
    if weights.isEmpty {
      let refused = all.lazy.compactMap { name in RefusedFormat(name: name).map { ($0, name) } }.first
      if let (format, name) = refused { throw format.error(PathText.joined(folder, name)) }
      throw CheckpointError(.noCheckpoint, file: path)
    }
    return CheckpointFiles(folder: folder, names: weights)
  }

  /// The files that an index names; `weights` are those that lie beside it.
  private static func named(
    by name: String, in folder: String, path: String?, beside weights: [String] = []
  ) throws(CheckpointError) -> CheckpointFiles {
    let index = try ShardIndex(path ?? PathText.joined(folder, name))
    var shards: Set<String> = []
    for entry in index.entries where shards.insert(entry.shard).inserted {
      guard try FileSystem.entry(at: PathText.joined(folder, entry.shard), followingLinks: true) != nil else {
        throw CheckpointError(
          .shardMissing(entry.shard), file: index.path, position: index.position(of: entry.offset))
      }
    }
    let names = shards.sortedByBytes()
    var result = CheckpointFiles(folder: folder, names: names, index: index)
    result.notes = weights.filter { !shards.contains($0) }.map {
      "ignored \(MessageText.quoted($0)): not named by the index"
    }
    return result
  }
}
