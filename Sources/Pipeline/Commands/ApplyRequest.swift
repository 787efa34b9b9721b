internal import WeirIO

/// The making of a checkpoint from an archive or an adapter, as flags say it.
public struct ApplyRequest: Sendable {
  /// A base and an archive or an adapter, or an archive that stands for itself.
  public var paths: [String]
  public var output: MadeOutput

  public init(paths: [String], output: MadeOutput) {
    self.paths = paths
    self.output = output
  }

  /// The pipeline that does it.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong.
  public func pipeline() throws(PipelineError) -> PipelineText {
    let isArchive = paths.map { Archive.isArchive($0) || $0.hasSuffix(ArchiveSpec.suffix) }
    var names = SourceNames()
    let name: String
    if paths.count == 2, !isArchive[0], AdapterFolder.isAdapter(paths[1]), !AdapterFolder.isAdapter(paths[0]) {
      name = names.name(of: paths[1], base: names.name(of: paths[0]))
      return try text(names, from: name)
    }
    switch (paths.count, isArchive) {
    case (1, [true]): name = names.name(of: paths[0], isArchive: true)
    case (2, [false, true]):
      let base = names.name(of: paths[0])
      name = names.name(of: paths[1], base: base, isArchive: true)
    case (2, [true, false]):
      throw PipelineError(
        .request,
        "the archive \(MessageText.quoted(paths[0])) stands first, expected the base before it; write 'weir apply "
          + "\(paths[1]) \(paths[0])'")
    case (2, [true, true]):
      throw PipelineError(
        .request,
        "the base is \(MessageText.quoted(paths[0])), an archive, expected a checkpoint; apply it to its own base first"
      )
    case (1, _), (2, _):
      let last = paths[paths.count - 1]
      throw PipelineError(
        .request,
        "\(MessageText.quoted(last)) is no archive, expected a '\(ArchiveSpec.suffix)' file, or behind a base the folder of "
          + "an adapter")
    default:
      throw PipelineError(
        .request,
        "\(paths.isEmpty ? "the archive is missing" : "\(paths.count) paths are given"), expected a base and an archive, or "
          + "the archive of an adapter")
    }
    return try text(names, from: name)
  }

  private func text(_ names: SourceNames, from name: String) throws(PipelineError) -> PipelineText {
    guard !output.path.hasSuffix(ArchiveSpec.suffix) else {
      throw PipelineError(
        .request,
        "-o is \(MessageText.quoted(output.path)), an archive, expected a folder or a '.safetensors' file; 'weir compress' "
          + "makes archives")
    }
    return MadePipeline.text(names, graph: [], from: name, output)
  }
}
