/// A hidden folder beside an output for what is made on the way to it; held by one process, and gone at the end.
///
/// What a killed run leaves is removed by the next one for the same output.
public final class ScratchFolder: Sendable {
  private let staging: StagingFolder

  /// Where files may be made.
  public var path: String { staging.filesPath }

  /// Makes the folder.
  ///
  /// - Parameters:
  ///   - output: the path beside which it stands.
  ///   - isFile: whether the output will be a file.
  ///   - overwrite: whether an earlier output may be replaced.
  ///   - inputs: what is read, and never replaced.
  /// - Throws: ``CheckpointError`` where it cannot be made or another run works in it, and where the output could not take its
  ///   place afterwards.
  public init(
    beside output: String, isFile: Bool, overwrite: Bool, inputs: [String]
  ) throws(CheckpointError) {
    try OutputTarget(path: output, isFile: isFile, overwrite: overwrite, inputs: inputs).check()
    let place = "\(PathText.trimmed(output)).trials"
    staging = try StagingFolder(for: place)
    do {
      try staging.prepare(for: place)
    } catch {
      staging.remove()
      throw error
    }
  }

  deinit { staging.remove() }

  /// Removes a file or folder in it, if there is one.
  public func remove(_ name: String) { OutputCalls.removeTree(PathText.joined(path, name)) }
}
