public import WeirTensors

/// What an output changes in the `config.json` of the model that it takes it from.
public struct ConfigPatch: Sendable {
  /// Where the layers of an output come from.
  public struct Layers: Hashable, Sendable {
    /// The number of layers that the source's config names.
    public let sourceCount: Int

    /// For each layer of the output, the layer of the source that it comes from.
    public let sources: [Int]

    public init(sourceCount: Int, sources: [Int]) {
      self.sourceCount = sourceCount
      self.sources = sources
    }
  }

  /// A patched config.
  public struct Result: Sendable {
    public let config: JSONValue

    /// Whether anything differs from the source's config.
    public let isChanged: Bool

    /// What a person should look at, one line each.
    public let notes: [String]

    /// The text of the new `config.json`: `original` where nothing changed, else indented as the Hugging Face libraries do.
    public func bytes(original: [UInt8]) -> [UInt8] {
      isChanged ? Array((JSON.text(config, indent: 2) + "\n").utf8) : original
    }
  }

  /// The type in which the weights are written; `nil`, or a type without a name there, changes nothing.
  public var dtype: DType?

  /// The new layers; `nil` changes nothing.
  public var layers: Layers?

  /// The rows of the vocabulary; `nil` changes nothing.
  public var vocabularySize: Int?

  /// The new row of a token by its old one, for ids that the config names; `nil` changes nothing.
  public var tokenRows: [Int: Int]?

  public init(dtype: DType? = nil, layers: Layers? = nil) {
    self.dtype = dtype
    self.layers = layers
  }

  /// Patches a config: the dtype, under the key that it has, the layer count, and lists of one value per layer.
  ///
  /// The configs of parts (`text_config`, `vision_config`) get the dtype where they name one; those of language models
  /// get the layers too. A list is one per layer if it stands beside the layer count and has that many elements.
  public func applied(to config: JSONValue) -> Result {
    var work = Work(patch: self)
    guard config.object != nil else {
      return Result(config: config, isChanged: false, notes: ["config.json: \(config.kindName), expected an object"])
    }
    let patched = work.patched(config, isTop: true, isLanguage: true)
    if let layers, layers.isChange, !work.foundCount {
      work.notes.append(
        "config.json: no layer count of \(layers.sourceCount), expected one to set to \(layers.sources.count);"
          + " set it by hand")
    }
    if let vocabularySize, !work.foundVocabulary {
      work.notes.append("config.json: no 'vocab_size', expected one to set to \(vocabularySize); set it by hand")
    }
    return Result(config: patched, isChanged: work.isChanged, notes: work.notes)
  }
}

extension ConfigPatch {
  /// Renumbers what keys such as `eos_token_id` and `suppress_tokens_ids` name, at the top of an object.
  ///
  /// - Parameter rows: the new row of a token by its old one.
  public static func tokenRows(_ rows: [Int: Int], in config: JSONValue) -> Result {
    var result = config
    var isChanged = false
    var notes: [String] = []
    func renumbered(_ value: JSONValue, _ key: String) -> JSONValue {
      guard let old = value.int, old >= 0 else { return value }
      guard let new = rows[old] else {
        notes.append("'\(key)' is \(old), a token that the new vocabulary lacks; set it by hand")
        return value
      }
      isChanged = isChanged || new != old
      return .number(new)
    }
    for member in config.object ?? [] where member.key.hasSuffix("_token_id") || member.key.hasSuffix("_token_ids") {
      if let list = member.value.array {
        result = result.setting(member.key, to: .array(list.map { renumbered($0, member.key) }))
      } else {
        result = result.setting(member.key, to: renumbered(member.value, member.key))
      }
    }
    return Result(config: isChanged ? result : config, isChanged: isChanged, notes: notes)
  }
}

extension ConfigPatch.Layers {
  /// Whether the output's layers are not simply the source's.
  var isChange: Bool { sources != Array(0..<sourceCount) }
}

/// One walk through a config.
private struct Work {
  let patch: ConfigPatch
  var isChanged = false
  var foundCount = false
  var foundVocabulary = false
  var notes: [String] = []

  init(patch: ConfigPatch) { self.patch = patch }

  /// The names that model families give to the number of their layers.
  private static let countKeys: Set = [
    "n_layer", "n_layers", "num_hidden_layers", "num_layers", "num_transformer_layers",
  ]

  /// Parts of a model that hold its language layers.
  private static let languageKeys: Set = ["text_config", "language_config", "llm_config", "thinker_config"]

  /// Lists of layer numbers, whatever their length.
  private static let layerNumberKeys: Set = [
    "attn_layer_indices", "cross_attention_layers", "full_attn_idxs", "hybrid_layer_ids", "mlp_only_layers",
    "moe_layers",
  ]

  /// Lists that may be as long as the model is deep by chance only.
  private static let otherListKeys: Set = [
    "architectures", "begin_suppress_tokens", "keys_to_ignore_at_inference", "mrope_section", "suppress_tokens",
  ]

  /// An object of the config with everything in it that the patch changes.
  mutating func patched(_ config: JSONValue, isTop: Bool, isLanguage: Bool) -> JSONValue {
    var result = config
    for member in config.object ?? [] where member.key.hasSuffix("_config") && member.value.object != nil {
      guard member.key != "quantization_config" else { continue }
      let language = isLanguage && Self.languageKeys.contains(member.key)
      result = result.setting(member.key, to: patched(member.value, isTop: false, isLanguage: language))
    }
    if let name = patch.dtype?.torchName { setDType(name, in: &result, adding: isTop) }
    if isLanguage, let layers = patch.layers, layers.isChange { setLayers(layers, in: &result) }
    if isLanguage { setVocabulary(in: &result) }
    return result
  }

  private mutating func setVocabulary(in config: inout JSONValue) {
    if let size = patch.vocabularySize, let old = config["vocab_size"]?.int {
      foundVocabulary = true
      if old != size {
        config = config.setting("vocab_size", to: .number(size))
        isChanged = true
      }
    }
    guard let rows = patch.tokenRows else { return }
    let patched = ConfigPatch.tokenRows(rows, in: config)
    config = patched.config
    isChanged = isChanged || patched.isChanged
    notes += patched.notes.map { "config.json: \($0)" }
  }

  private mutating func setDType(_ name: String, in config: inout JSONValue, adding: Bool) {
    let keys = ["torch_dtype", "dtype"].filter { config[$0]?.string != nil || config[$0]?.isNull == true }
    for key in keys.isEmpty && adding ? ["torch_dtype"] : keys where config[key]?.string != name {
      config = config.setting(key, to: .string(name))
      isChanged = true
    }
  }

  private mutating func setLayers(_ layers: ConfigPatch.Layers, in config: inout JSONValue) {
    let counts = (config.object ?? []).filter {
      Self.countKeys.contains($0.key) && $0.value.int == layers.sourceCount
    }
    guard !counts.isEmpty else { return }
    foundCount = true
    isChanged = true
    for member in config.object ?? [] {
      if Self.countKeys.contains(member.key), member.value.int == layers.sourceCount {
        config = config.setting(member.key, to: .number(layers.sources.count))
      } else if let list = member.value.array, let changed = relayered(list, of: member.key, for: layers) {
        config = config.setting(member.key, to: .array(changed))
      }
    }
  }

  /// A list as the output's layers need it; `nil` where it has nothing to do with layers.
  private mutating func relayered(
    _ list: [JSONValue], of key: String, for layers: ConfigPatch.Layers
  ) -> [JSONValue]? {
    if Self.layerNumberKeys.contains(key) {
      let numbers = Set(list.compactMap(\.int))
      return layers.sources.indices.filter { numbers.contains(layers.sources[$0]) }.map { .number($0) }
    }
    guard list.count == layers.sourceCount, let last = list.last, !Self.otherListKeys.contains(key),
      !key.hasSuffix("_token_id"), !key.hasSuffix("_token_ids")
    else { return nil }
    if let beyond = layers.sources.first(where: { !list.indices.contains($0) }) {
      notes.append("config.json: \(MessageText.quoted(key)) has no value for layer \(beyond), took the last; check it")
    }
    return layers.sources.map { list.indices.contains($0) ? list[$0] : last }
  }
}
