/// The folder of an adapter (LoRA and its like), as PEFT writes it.
public enum AdapterFolder {
  /// The file that tells such a folder.
  public static let configName = "adapter_config.json"

  /// Whether a path leads to the folder of an adapter.
  public static func isAdapter(_ path: String) -> Bool {
    FileSystem.facts("\(path)/\(configName)", followingLinks: true)?.kind == .file
  }
}
