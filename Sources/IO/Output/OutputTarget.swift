/// The path that an output will have, and what may be done to what stands there.
struct OutputTarget: Sendable {
  let path: String
  let isFile: Bool
  let overwrite: Bool
  let inputs: [String]

  /// Takes a path with a name of its own: not `/`, `.`, `..` or nothing.
  init(path: String, isFile: Bool, overwrite: Bool, inputs: [String]) throws(CheckpointError) {
    let name = PathText.name(of: path)
    guard !["", "/", ".", ".."].contains(name), !path.utf8.contains(0) else {
      throw CheckpointError(
        .malformed(found: "output path ends in \(MessageText.quoted(name))", expected: "the name of a file or folder"),
        file: path)
    }
    self.path = PathText.trimmed(path)
    self.isFile = isFile
    self.overwrite = overwrite
    self.inputs = inputs
  }

  /// Throws where what stands at the path may not be replaced: an input, or anything unless overwriting was asked for
  /// and it looks like an earlier output.
  func check() throws(CheckpointError) {
    guard let found = try FileSystem.entry(at: path, followingLinks: false) else { return }
    try refuseInputs(at: path)
    if found.kind == .folder, !isFile, try FileSystem.names(in: path).isEmpty { return }
    guard overwrite else { throw CheckpointError(.alreadyExists, file: path) }
    switch found.kind {
    case .file where isFile: return
    case .folder where !isFile: try refuseForeignFolder()
    case .file: throw refusal("is a file")
    case .folder: throw refusal("is a folder")
    case .link: throw refusal("is a symbolic link")
    case .other: throw refusal("is a device or pipe")
    }
  }

  /// Throws where what stands at `place` is an input, or a folder with an input anywhere below it.
  func refuseInputs(at place: String) throws(CheckpointError) {
    guard let target = try FileSystem.entry(at: place, followingLinks: true) else { return }
    for input in inputs {
      // A model cache keeps links in one folder to files in another; both folders count.
      for start in [input, PathText.parent(of: input)] {
        guard var path = try FileSystem.realPath(start) else { continue }
        while try FileSystem.entry(at: path, followingLinks: true)?.isSame(as: target) != true {
          guard path != "/" else { break }
          path = PathText.parent(of: path)
        }
        if path != "/" { throw CheckpointError(.wouldOverwriteInput(input), file: place) }
      }
    }
  }

  /// Throws where a folder does not look like a model that Weir or another program of its kind wrote.
  private func refuseForeignFolder() throws(CheckpointError) {
    let names = try FileSystem.names(in: path)
    if names.contains(".git") { throw refusal("folder is a git working copy") }
    guard names.contains(where: { $0 == "config.json" || $0.hasSuffix(".safetensors") }) else {
      throw refusal("folder holds neither a config.json nor a .safetensors file")
    }
  }

  private func refusal(_ reason: String) -> CheckpointError { CheckpointError(.notReplaceable(reason), file: path) }
}
