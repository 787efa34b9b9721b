internal import WeirTensors

extension ArchiveLayout {
  /// The most bytes of a side file that is kept.
  private static let largestSideFile = 256 << 20
  /// What ends the names of files that are no small part of a model.
  private static let foreignSuffixes = [
    ".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".pt", ".pth", ".safetensors", ".zip",
  ]

  /// The weights files of a checkpoint, to come out byte for byte; none where they hold tensors that it leaves out.
  public static func shards(of checkpoint: Checkpoint) throws(CheckpointError) -> [Shard] {
    var shards: [Shard] = []
    var tensorCount = 0
    for file in checkpoint.files {
      tensorCount += try SafetensorsHeader.read(file.path).tensors.count
      shards.append(Shard(name: PathText.name(of: file.path), header: try SafetensorsHeader.bytes(of: file.path)))
    }
    return tensorCount == checkpoint.catalogue.tensors.count ? shards : []
  }

  /// The small files around a checkpoint's weights, with those marked that lie around the base's too.
  ///
  /// A checkpoint that was given as one file has none: what lies in its folder may have nothing to do with it.
  public static func sideFiles(of checkpoint: Checkpoint, base: Checkpoint?) throws(CheckpointError) -> [SideFile] {
    guard checkpoint.isWholeFolder else { return [] }
    var files: [SideFile] = []
    for name in try names(in: checkpoint.folder) {
      let path = PathText.joined(checkpoint.folder, name)
      let found = try FileSystem.entry(at: path, followingLinks: true)
      guard let byteCount = found?.byteCount, byteCount <= largestSideFile else { continue }
      let hash = try TensorHasher.hash(ofFile: path)
      var isSame = false
      if let base, base.isWholeFolder {
        let twin = PathText.joined(base.folder, name)
        let facts = try FileSystem.entry(at: twin, followingLinks: true)
        if facts?.kind == .file, facts?.byteCount == byteCount { isSame = try TensorHasher.hash(ofFile: twin) == hash }
      }
      files.append(SideFile(name: name, byteCount: byteCount, hash: hash, isSameAsBase: isSame))
    }
    return files
  }

  /// The regular files of a folder, and of folders in it, that are not weights.
  private static func names(in folder: String, below prefix: String = "") throws(CheckpointError) -> [String] {
    var names: [String] = []
    for name in try FileSystem.names(in: prefix.isEmpty ? folder : PathText.joined(folder, prefix))
    where !name.hasPrefix(".") && !foreignSuffixes.contains(where: name.hasSuffix) {
      let whole = prefix.isEmpty ? name : "\(prefix)/\(name)"
      switch try FileSystem.entry(at: PathText.joined(folder, whole), followingLinks: true)?.kind {
      case .file: names.append(whole)
      case .folder where prefix.isEmpty: names += try Self.names(in: folder, below: name)
      default: continue
      }
    }
    return names
  }
}

extension ArchiveWriter {
  /// Appends all side files that are stored, from the folder in which they were found.
  public func appendSideFiles(from folder: String) throws(CheckpointError) {
    for (place, file) in layout.sideFiles.enumerated() where !file.isSameAsBase {
      try copySideFile(place, from: PathText.joined(folder, file.name))
    }
  }
}

extension Archive {
  /// Adds the side files of the archived checkpoint to an output: the archive's own, and the base's where they are the same.
  ///
  /// - Parameter isWanted: which of them, by name.
  /// - Throws: ``CheckpointError`` where one of the base's files is no longer what it was.
  public func restoreSideFiles(
    into folder: OutputFolder, base: Checkpoint?, where isWanted: (String) -> Bool = { _ in true }
  ) throws(CheckpointError) {
    for file in sideFiles where isWanted(file.name) {
      guard file.isSameAsBase else {
        try write(file, into: folder)
        continue
      }
      guard let base else { continue }
      let path = PathText.joined(base.folder, file.name)
      guard try TensorHasher.hash(ofFile: path) == file.hash else {
        throw CheckpointError(
          .malformed(found: "another file than beside the archive's base", expected: "that one"), file: path)
      }
      try folder.copyFile(from: path, as: file.name)
    }
  }

  /// The bytes of a side file of the archived checkpoint; `nil` where it has none of this name that can be found.
  public func sideFile(_ name: String, base: Checkpoint?) throws(CheckpointError) -> [UInt8]? {
    guard let file = sideFiles.first(where: { $0.name == name }) else { return nil }
    guard file.isSameAsBase else { return try contents(of: file) }
    guard let base else { return nil }
    return try TextFile.read(PathText.joined(base.folder, name), maximumByteCount: max(1, file.byteCount))
  }
}
