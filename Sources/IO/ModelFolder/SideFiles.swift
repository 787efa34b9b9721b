/// The small files beside a model's weights that its loaders need: tokenizer, templates, processors.
///
/// Weights are never among them, nor programs, nor texts about the model (its card and its licence are not the output's).
public enum SideFiles {
  /// The side files in `folder` by name, sorted; some stand one folder down, as `1_Pooling/config.json` does.
  public static func names(in folder: String) throws(CheckpointError) -> [String] {
    var names: [String] = []
    for name in try FileSystem.names(in: folder) {
      let path = PathText.joined(folder, name)
      switch try FileSystem.entry(at: path, followingLinks: true)?.kind {
      case .file where isSideFile(name): names.append(name)
      case .folder where name == "additional_chat_templates":
        names += try files(in: folder, below: name) { $0.hasSuffix(".jinja") }
      case .folder where isModule(name): names += try files(in: folder, below: name) { $0 == "config.json" }
      default: continue
      }
    }
    return names
  }

  /// Copies the side files of `folder` whose names `isWanted` takes into an output, and returns their names.
  @discardableResult
  public static func copy(
    from folder: String, into output: OutputFolder, where isWanted: (String) -> Bool = { _ in true }
  ) throws(CheckpointError) -> [String] {
    let names = try names(in: folder).filter(isWanted)
    for name in names { try output.copyFile(from: PathText.joined(folder, name), as: name) }
    return names
  }

  /// Whether a file of this name is copied to an output.
  public static func isSideFile(_ name: String) -> Bool {
    guard !foreignSuffixes.contains(where: name.hasSuffix) else { return false }
    return wholeNames.contains(name) || prefixes.contains(where: name.hasPrefix)
      || suffixes.contains(where: name.hasSuffix)
  }

  private static let wholeNames: Set = [
    "added_tokens.json", "generation_config.json", "merges.txt", "special_tokens_map.json", "tekken.json",
    "vocab.bpe", "vocab.json", "vocab.txt",
    // Images, sound, video.
    "feature_extractor_config.json", "image_processor_config.json", "normalizer.json", "preprocessor_config.json",
    "processor_config.json", "video_preprocessor_config.json",
    // Sentence encoders.
    "config_sentence_transformers.json", "modules.json", "sentence_bert_config.json",
  ]
  private static let prefixes = ["tokenizer.", "tokenizer_", "chat_template."]
  private static let suffixes = [".model", ".spm", ".tiktoken"]
  private static let foreignSuffixes = [
    ".bin", ".ckpt", ".gguf", ".h5", ".index.json", ".md", ".msgpack", ".onnx", ".pt", ".pth", ".py", ".safetensors",
  ]

  /// Whether a folder holds one step of a sentence encoder: a number, an underscore, a name.
  private static func isModule(_ name: String) -> Bool {
    let number = name.prefix { $0.isASCII && $0.isNumber }
    return !number.isEmpty && name.dropFirst(number.count).hasPrefix("_")
  }

  /// The regular files of a folder within `folder` that `isWanted` takes.
  private static func files(
    in folder: String, below name: String, where isWanted: (String) -> Bool
  ) throws(CheckpointError) -> [String] {
    var files: [String] = []
    for file in try FileSystem.names(in: PathText.joined(folder, name)) where isWanted(file) {
      let path = "\(name)/\(file)"
      let kind = try FileSystem.entry(at: PathText.joined(folder, path), followingLinks: true)?.kind
      if kind == .file { files.append(path) }
    }
    return files
  }
}
