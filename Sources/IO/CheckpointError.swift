/// What went wrong with a file of a checkpoint, read or written.
///
/// ``description`` is one line: where, what is wrong, what was expected, what to do.
public struct CheckpointError: Error, Equatable, Sendable {
  public let kind: Kind
  /// The file or folder, as the user or the checkpoint named it.
  public let file: String?
  public let tensor: String?
  /// The place in the file, counted from its first byte.
  public let byteOffset: Int?
  /// The line and column in a text file, counted from 1.
  public let position: Position?
  /// The system's error number, where a system call failed.
  public let errno: Int32?

  public init(
    _ kind: Kind, file: String? = nil, tensor: String? = nil, byteOffset: Int? = nil,
    position: Position? = nil, errno: Int32? = nil
  ) {
    self.kind = kind
    self.file = file
    self.tensor = tensor
    self.byteOffset = byteOffset
    self.position = position
    self.errno = errno
  }

  /// The same error, naming the tensor that was being read or written.
  public func naming(tensor: String) -> CheckpointError {
    CheckpointError(
      kind, file: file, tensor: self.tensor ?? tensor, byteOffset: byteOffset, position: position, errno: errno)
  }

  /// The same error, naming the file that was being read.
  public func naming(file: String) -> CheckpointError {
    CheckpointError(
      kind, file: self.file ?? file, tensor: tensor, byteOffset: byteOffset, position: position, errno: errno)
  }

  /// The same error, naming the block of an archive's tensor that was being read, counted from the tensor's first.
  public func naming(block: Int) -> CheckpointError {
    if case .inBlock = kind { return self }
    return CheckpointError(
      .inBlock(block, kind), file: file, tensor: tensor, byteOffset: byteOffset, position: position, errno: errno)
  }

  /// A place in a text file.
  public struct Position: Equatable, Sendable {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  /// The causes, one case each.
  public indirect enum Kind: Equatable, Sendable {
    // Any file.
    case notFound
    case notARegularFile
    case cannotOpen
    /// A system call failed for which no other case fits.
    case system(call: String)

    // Reading.
    case readFailed
    /// The file has become shorter than it was when it was opened.
    case truncated(found: Int?, expected: Int)
    /// The file's content is no longer what it was when it was opened.
    case changed
    /// The bytes or the name are those of a format that is not read.
    case unsupportedFormat(String, remedy: String)
    case fileTooShort(byteCount: Int, minimum: Int)
    case fileTooLarge(byteCount: Int, limit: Int)

    // The header of a safetensors file.
    case headerTooLarge(byteCount: UInt64, limit: Int)
    case headerBeyondFile(byteCount: UInt64, available: Int)
    /// The text is not JSON; the message says what was found and what was expected.
    case invalidJSON(String)
    /// The JSON is sound but does not say what it should.
    case malformed(found: String, expected: String)
    case unknownDType(String)
    case badTensorName(String)
    case shapeTooLarge([Int], dtype: String)
    case wrongByteCount(found: Int, expected: Int, type: String)
    case overlap(other: String)
    /// Bytes of the data that no tensor covers.
    case hole(byteCount: Int)
    case trailingBytes(Int)
    /// The last tensor ends after the file does.
    case dataBeyondFile(end: Int, byteCount: Int)
    case tooManyTensors(found: Int, limit: Int)

    // The files of a checkpoint.
    case noCheckpoint
    case ambiguousFolder([String])
    case incompleteShards(missing: String)
    /// The name of a file, in an index or given for an output, leads out of its folder.
    case leavesFolder(String)
    case shardMissing(String)
    case tensorNotInShard(shard: String)
    case duplicateTensor(other: String)
    /// The tensors up to the one named have more bytes than a checkpoint may.
    case checkpointTooLarge(limit: Int)

    // Archives.
    /// The file is a task-vector archive where a checkpoint was asked for.
    case isArchive
    /// The file is a safetensors file, but no archive.
    case notAnArchive
    /// The archive asks for a newer reader.
    case newerArchive(needed: String, supported: Int)
    /// Bytes are not those that were written: their hash is another.
    case corrupt(String)
    /// The cause lies in one block of the tensor.
    case inBlock(Int, Kind)

    // Writing.
    case cannotCreate
    case writeFailed(offset: Int)
    case noSpace(needed: Int, free: Int?)
    case alreadyExists
    case wouldOverwriteInput(String)
    case syncFailed
    /// The output stands under its name, but a loss of power may take the name away again.
    case nameNotSynced
    case renameFailed(to: String)
    /// A finished output does not read back as it was laid out.
    case outputDiffers(found: String, expected: String)
    /// Another process holds the lock of the output's staging folder.
    case outputBusy
    /// What stands at the output's path is not something that Weir replaces; says what it is.
    case notReplaceable(String)
    /// The output was committed or discarded before the call.
    case outputClosed
    case outOfMemory(byteCount: Int)
  }
}
