internal import WeirTensors

extension ArchiveIndex {
  /// Checks names, types and sizes: what a layout must keep to, and an index is believed for.
  ///
  /// - Throws: ``CheckpointError`` that names no file.
  func check() throws(CheckpointError) {
    try checkTensors()
    try checkFiles()
  }

  private func checkTensors() throws(CheckpointError) {
    var names: Set<String> = []
    var byteCount = 0
    let limit = CheckpointShards.maximumByteCount
    for tensor in tensors {
      let name = tensor.info.name
      if let problem = SafetensorsHeader.problem(withName: name) { throw CheckpointError(.badTensorName(problem)) }
      func malformed(_ found: String, _ expected: String) -> CheckpointError {
        CheckpointError(.malformed(found: found, expected: expected), tensor: name)
      }
      guard names.insert(name).inserted else { throw malformed("a second tensor of this name", "one") }
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.info.byteCount)
      guard !overflow, sum <= limit else { throw CheckpointError(.checkpointTooLarge(limit: limit), tensor: name) }
      byteCount = sum
      if let base = tensor.base {
        guard let shape = base.shape(beside: tensor.info.shape) else {
          throw malformed("a base of \(base.rowCount ?? 0) rows", "another number than the tensor's own")
        }
        guard shape.elementCount <= limit / base.dtype.byteCount else {
          throw CheckpointError(.checkpointTooLarge(limit: limit), tensor: name)
        }
      }
      if let (found, expected) = tensor.coding.problem(tensor.info, base: tensor.base) {
        throw malformed(found, expected)
      }
      if tensor.coding == .same, let result = tensor.resultHash, result != tensor.baseHash {
        throw malformed("codec 'same' with two hashes", "one")
      }
    }
  }

  private func checkFiles() throws(CheckpointError) {
    var names: Set<String> = []
    for shard in shards {
      guard PathText.isPlainName(shard.name), !shard.name.hasPrefix("."), shard.name.utf8.count < 256 else {
        throw CheckpointError(.leavesFolder(shard.name))
      }
      guard shard.name.hasSuffix(".safetensors"), names.insert(shard.name).inserted else {
        throw CheckpointError(
          .malformed(
            found: "weights file \(MessageText.quoted(shard.name))", expected: "a .safetensors file, each once"))
      }
      try checkByteCount(shard.byteCount, ArchiveFormat.shardPrefix + shard.name)
    }
    for file in sideFiles {
      guard Self.isRelativePath(file.name) else { throw CheckpointError(.leavesFolder(file.name)) }
      guard !file.name.hasSuffix(".safetensors"), names.insert(file.name).inserted else {
        throw CheckpointError(
          .malformed(
            found: "side file \(MessageText.quoted(file.name))", expected: "no weights file, and each once"))
      }
      try checkByteCount(file.byteCount, ArchiveFormat.sideFilePrefix + file.name)
    }
    for name in names {
      var folder = name[...]
      while let slash = folder.lastIndex(of: "/") {
        folder = folder[..<slash]
        guard !names.contains(String(folder)) else {
          throw CheckpointError(
            .malformed(found: "file \(MessageText.quoted(name)) below another file", expected: "a folder there"))
        }
      }
    }
  }

  private func checkByteCount(_ count: Int, _ name: String) throws(CheckpointError) {
    guard count <= CheckpointShards.maximumByteCount else {
      throw CheckpointError(.fileTooLarge(byteCount: count, limit: CheckpointShards.maximumByteCount), tensor: name)
    }
  }

  /// Whether a path stays in the folder that it is put in, shows there, and is short enough for any system.
  static func isRelativePath(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard name.utf8.count <= 1024 else { return false }
    return parts.allSatisfy { PathText.isPlainName(String($0)) && !$0.hasPrefix(".") && $0.utf8.count < 256 }
  }
}
