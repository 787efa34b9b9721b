/// The folder of an adapter (LoRA and its like), as PEFT writes it.
public enum AdapterFolder {
  /// The file that tells such a folder.
  public static let configName = "adapter_config.json"

  /// Whether a path leads to the folder of an adapter.
  public static func isAdapter(_ path: String) -> Bool {
    FileSystem.facts("\(path)/\(configName)", followingLinks: true)?.kind == .file
  }

  /// The model and the adapter that `MODEL+ADAPTER` names; `nil` where all of it is the name of something.
  public static func parts(of path: String) -> (model: String, adapter: String)? {
    guard path.contains("+"), FileSystem.facts(path, followingLinks: true) == nil else { return nil }
    for plus in path.indices where path[plus] == "+" {
      let (model, adapter) = (String(path[..<plus]), String(path[path.index(after: plus)...]))
      if FileSystem.facts(model, followingLinks: true) != nil, isAdapter(adapter) { return (model, adapter) }
    }
    return nil
  }

  /// Copies an adapter whose effect is to be `factor` times as large: its `lora_alpha` is, as `ΔW = lora_alpha / r · B A`.
  ///
  /// - Parameters:
  ///   - path: the adapter's folder, of which the plain files are copied.
  ///   - factor: the factor.
  ///   - target: the folder to make.
  /// - Returns: whether there was a `lora_alpha`; nothing is made where there was none.
  /// - Throws: ``CheckpointError`` where a file cannot be read or written.
  public static func copy(_ path: String, scaledBy factor: Double, to target: String) throws(CheckpointError) -> Bool {
    let limit = 16 << 20
    let configPath = PathText.joined(path, configName)
    let config = try TextFile.parse(try TextFile.read(configPath, maximumByteCount: limit), path: configPath)
    guard let alpha = config["lora_alpha"]?.double else { return false }
    let scaled = config.setting("lora_alpha", to: .number(alpha * factor))
    let folder = try OutputFolder(finalPath: target, overwrite: true, inputs: [path])
    do {
      for name in try FileSystem.names(in: path) where name != configName {
        let file = PathText.joined(path, name)
        guard try FileSystem.entry(at: file, followingLinks: true)?.kind == .file else { continue }
        try folder.copyFile(from: file, as: name)
      }
      try folder.addFile(configName, bytes: Array((JSON.text(scaled, indent: 2) + "\n").utf8))
      try folder.commit()
    } catch {
      folder.discard()
      throw error
    }
    return true
  }
}
