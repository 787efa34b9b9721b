/// How the bytes of inputs are brought into memory.
public enum ReadPolicy: String, Sendable, CaseIterable {
  /// By mapping, but by reading on network and user-space file systems and where there is no room for a mapping.
  case auto
  /// By mapping.
  case map
  /// By reading into buffers.
  case read
}

/// An input, opened once: every later look at its bytes goes through what was opened, whatever happens to the path.
///
/// A mapped file holds no descriptor, so that hundreds of shards can be open at once.
public final class InputFile: Sendable {
  /// The path, as the user and the checkpoint gave it.
  public let path: String
  public let byteCount: Int
  /// What is the same for two paths that lead to one file.
  public let identity: FileIdentity
  /// When its content was last changed; `nil` where other machines' clocks and caches have a say in that.
  private let modified: Int64?
  let storage: Storage

  enum Storage: Sendable {
    case mapped(MappedRegion)
    case descriptor(SharedDescriptor)
  }

  /// Opens a regular file.
  ///
  /// - Parameters:
  ///   - path: the file; links are followed.
  ///   - policy: how its bytes will be brought into memory.
  /// - Throws: ``CheckpointError`` where it cannot be opened, is no regular file, or cannot be mapped and must be.
  public convenience init(path: String, policy: ReadPolicy = .auto) throws(CheckpointError) {
    try self.init(try InputDescriptor(path), policy: policy)
  }

  init(_ descriptor: consuming InputDescriptor, policy: ReadPolicy) throws(CheckpointError) {
    path = descriptor.path
    byteCount = descriptor.byteCount
    identity = descriptor.identity
    modified = descriptor.isRemote ? nil : descriptor.modified
    let maps = policy == .map || (policy == .auto && !descriptor.isRemote)
    if maps, let region = descriptor.map() {
      storage = .mapped(region)
    } else if policy == .map, descriptor.byteCount > 0 {
      throw CheckpointError(.system(call: "mapping"), file: path, errno: SystemError.outOfMemory)
    } else {
      storage = .descriptor(SharedDescriptor(descriptor))
    }
  }

  /// The same file opened once more, to be read rather than mapped; `nil` where the path leads elsewhere by now.
  ///
  /// Short reads far apart cost less than pages that are mapped, and dropped, one by one.
  public func reopenedForReading() -> InputFile? {
    guard let file = try? InputFile(path: path, policy: .read), file.identity == identity, file.byteCount == byteCount
    else { return nil }
    return file
  }

  /// Whether the file is mapped.
  public var isMapped: Bool {
    if case .mapped = storage { true } else { false }
  }

  /// Checks that the file is what it was when it was opened; to be asked before an output is believed.
  ///
  /// A path that leads to another file by now does no harm: what was opened has been read.
  ///
  /// - Throws: ``CheckpointError`` with kind `.truncated`, `.readFailed` or `.changed`.
  public func checkIntact() throws(CheckpointError) {
    try checkPages()
    guard let now = try? InputDescriptor(path), now.identity == identity else { return }
    guard now.byteCount >= byteCount else { throw truncated }
    guard now.byteCount == byteCount, modified == nil || now.modified == modified else {
      throw CheckpointError(.changed, file: path)
    }
  }

  /// Checks that no page that was read had been lost by the file.
  func checkPages() throws(CheckpointError) {
    if case .mapped(let region) = storage, region.isDamaged { throw lostPage }
  }

  /// Why a page that was mapped cannot be read: the file has shrunk, or the disk has failed.
  var lostPage: CheckpointError {
    guard let found = FileSystem.byteCount(path), found >= byteCount else { return truncated }
    return CheckpointError(.readFailed, file: path, errno: SystemError.inputOutput)
  }

  private var truncated: CheckpointError {
    CheckpointError(.truncated(found: FileSystem.byteCount(path), expected: byteCount), file: path)
  }
}

/// A descriptor that several workers read from at once, each at its own place.
final class SharedDescriptor: Sendable {
  let descriptor: InputDescriptor

  init(_ descriptor: consuming InputDescriptor) { self.descriptor = descriptor }
}
