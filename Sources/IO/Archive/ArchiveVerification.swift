internal import WeirTensors

/// What reading all of an archive came to.
public struct ArchiveVerification: Sendable {
  /// Everything that is wrong, in the order of the file; nothing where all is well.
  public let failures: [CheckpointError]
  /// Blocks that were read.
  public let blockCount: Int
  /// Bytes of the file.
  public let byteCount: Int

  /// Whether every byte is what was written.
  public var isSound: Bool { failures.isEmpty }
}

extension Archive {
  /// Reads every byte of an archive, one block at a time, and checks it against its checksum.
  ///
  /// What a header or an index makes impossible to find is not looked for: then the failure is the only one.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - policy: how blocks are brought into memory.
  ///   - maximumHeaderBytes: as for ``open(_:policy:maximumHeaderBytes:)``.
  ///   - progress: told how many bytes of blocks have been read.
  /// - Returns: what was found; an archive that cannot be opened is a failure like any other.
  public static func verify(
    _ path: String, policy: ReadPolicy = .auto, maximumHeaderBytes: Int? = nil, progress: (Int) -> Void = { _ in }
  ) -> ArchiveVerification {
    var run = VerificationRun(path: path)
    do throws(CheckpointError) {
      try run.verify(policy, maximumHeaderBytes ?? SafetensorsHeader.defaultMaximumByteCount, progress)
    } catch {
      run.failures.append(error.naming(file: path))
    }
    return ArchiveVerification(failures: run.failures, blockCount: run.blockCount, byteCount: run.byteCount)
  }
}

/// The state of one verification.
private struct VerificationRun {
  let path: String
  var failures: [CheckpointError] = []
  var blockCount = 0
  var byteCount = 0

  mutating func verify(
    _ policy: ReadPolicy, _ maximumByteCount: Int, _ progress: (Int) -> Void
  ) throws(CheckpointError) {
    let descriptor = try InputDescriptor(path)
    byteCount = descriptor.byteCount
    let front = try ArchiveFront(descriptor, maximumByteCount: maximumByteCount)
    if let problem = front.problem { failures.append(problem.naming(file: path)) }
    // Blocks of the original headers are read again below; only what makes no sense though it is sound is noted here.
    var headersFailure: CheckpointError?
    do throws(CheckpointError) {
      let headers = try front.shardHeaders(descriptor, maximumByteCount: maximumByteCount)
      try ArchiveShards.check(headers, hold: front.index.tensors.map(\.info))
    } catch {
      headersFailure = error.naming(file: path)
    }
    let archive = Archive(front, [], try InputFile(descriptor, policy: policy))
    try readBlocks(of: archive, progress)
    if let headersFailure, !failures.contains(headersFailure) { failures.append(headersFailure) }
    for file in archive.sideFiles where file.blocks != nil {
      do throws(CheckpointError) {
        try archive.read(file) { _ in }
      } catch {
        if !failures.contains(error) { failures.append(error) }
      }
    }
    try archive.file.checkIntact()
  }

  private mutating func readBlocks(of archive: Archive, _ progress: (Int) -> Void) throws(CheckpointError) {
    var reader = WindowReader()
    var done = 0
    for block in 0..<archive.blocks.count {
      // SAFETY: the window stays until the next is opened.
      let bytes = try unsafe reader.open(archive.file, archive.blocks[block], slot: 0)
      do throws(CheckpointError) {
        try unsafe archive.check(bytes, block: block)
      } catch {
        failures.append(error)
      }
      blockCount += 1
      done += bytes.count
      progress(done)
    }
  }
}
