public import WeirIO

/// What reading all of a checkpoint or an archive has found.
public struct Verification: Sendable {
  /// Something that is not as it should be.
  public struct Failure: Hashable, Sendable {
    /// The tensor, or the file inside an archive; `nil` where it is neither's.
    public let tensor: String?
    /// What is wrong, in one line that names the place.
    public let message: String
  }

  public let path: String
  public let isArchive: Bool
  public let tensorCount: Int
  public let byteCount: Int
  public let fileCount: Int
  /// Blocks with a checksum of their own; 0 for a checkpoint.
  public let blockCount: Int
  /// Tensors of an archive whose numbers were not looked at: they are coded by the bytes of a base that was not given, or that is another.
  public let undecodedCount: Int
  /// The hash of all tensors' hashes: of those in a checkpoint's manifest, with which its tensors are compared, or of those that an
  /// archive recorded of its result.
  public let fingerprint: Hash128?
  /// In the order of the file.
  public let failures: [Failure]
  public let notes: [String]

  public var isSound: Bool { failures.isEmpty }
}
