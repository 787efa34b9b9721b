public import WeirTensors

/// A LoRA adapter as PEFT writes it: its config and tensors, grouped by the modules that they change, checked by themselves.
///
///     ΔW = s · B·A        s = α/r, or α/√r
///
/// Weights are not read. Whether the modules are a model's is for who joins it with one.
///
/// Source: Hu et al., 2021, “LoRA”, arXiv:2106.09685; Kalajdzievski, 2023, arXiv:2312.03732 (rsLoRA); Liu et al., 2024,
/// “DoRA”, arXiv:2402.09353; file layout of PEFT 0.21.
public struct Adapter: Sendable {
  /// Two factors whose product changes a weight.
  public struct Factors: Sendable {
    /// The place of A in the checkpoint: rank × what is read.
    public let a: Int
    /// The place of B: what is written × rank.
    public let b: Int
    public let rank: Int
    public let scale: Double
    /// Whether the module is an embedding, whose weight has a row for each thing that is read.
    public let isEmbedding: Bool
  }

  /// A module of a model, and what the adapter has for it.
  public struct Module: Sendable {
    /// Its name in the model: `model.layers.0.self_attn.q_proj`.
    public let name: String
    public internal(set) var factors: Factors?
    /// The place of DoRA's lengths.
    public internal(set) var magnitude: Int?
    /// The place of what is added to the bias, times the scale.
    public internal(set) var bias: Int?
  }

  /// A tensor that takes the place of a model's.
  public struct Whole: Sendable {
    /// Its name in the model.
    public let name: String
    public let tensor: Int
  }

  /// The file's name in an adapter's folder.
  public static let weightsName = "adapter_model.safetensors"
  private static let prefix = "base_model.model."

  /// The adapter's tensors as they are stored.
  public let checkpoint: Checkpoint
  public let modules: [Module]
  public let wholes: [Whole]
  /// Whether weights are said to be stored as in × out; where a weight is not square, its shape tells.
  public let isFanInFanOut: Bool
  public let usesRootRank: Bool
  public let hasMagnitudes: Bool
  /// Names of modules that should have been saved whole, of which there is no tensor.
  public let missingWholes: [String]

  /// Opens the folder of an adapter, or the weights file in it.
  ///
  /// - Throws: ``CheckpointError`` that names the file, the tensor, and what was expected.
  public static func open(
    _ path: String, policy: ReadPolicy = .auto, maximumHeaderBytes: Int? = nil
  ) throws(CheckpointError) -> Adapter {
    let isFolder = FileSystem.facts(path, followingLinks: true)?.kind == .folder
    let folder = isFolder ? PathText.trimmed(path) : PathText.parent(of: path)
    let config = PathText.joined(folder, AdapterFolder.configName)
    guard FileSystem.facts(config, followingLinks: true)?.kind == .file else {
      throw CheckpointError(
        .malformed(
          found: "no '\(AdapterFolder.configName)' \(isFolder ? "in it" : "beside it")",
          expected: "the folder of an adapter, as PEFT writes it"), file: path)
    }
    var weights = path
    if isFolder {
      weights = PathText.joined(folder, weightsName)
      let pickle = PathText.joined(folder, "adapter_model.bin")
      if FileSystem.facts(weights, followingLinks: true) == nil,
        FileSystem.facts(pickle, followingLinks: true) != nil, let refused = RefusedFormat(name: pickle)
      {
        throw refused.error(pickle)
      }
    }
    return try Adapter(
      try Checkpoint.open(weights, policy: policy, maximumHeaderBytes: maximumHeaderBytes), try AdapterConfig(config))
  }

  private init(_ checkpoint: Checkpoint, _ config: AdapterConfig) throws(CheckpointError) {
    self.checkpoint = checkpoint
    isFanInFanOut = config.isFanInFanOut
    usesRootRank = config.usesRootRank
    hasMagnitudes = config.hasMagnitudes
    var parts = AdapterParts(checkpoint, config)
    for (place, tensor) in checkpoint.catalogue.tensors.enumerated() {
      guard tensor.name.hasPrefix(Self.prefix) else {
        throw parts.error(place, "a name that is not PEFT's", "a name that begins with '\(Self.prefix)'")
      }
      try parts.take(place, String(tensor.name.dropFirst(Self.prefix.count)))
    }
    (modules, wholes) = try parts.finish()
    // PEFT itself names both of these for a classifier, of which a model has one.
    let guessed: Set = ["classifier", "score"]
    let wholes = wholes
    missingWholes = config.wholeModules.filter { name in
      !guessed.contains(name) && !wholes.contains { $0.name == "\(name).weight" || ".\($0.name)".contains(".\(name).") }
    }
  }

  /// What is odd about it and yet allowed, one line each.
  public var notes: [String] {
    missingWholes.isEmpty
      ? []
      : [
        "'modules_to_save' names \(missingWholes.map(MessageText.quoted).joined(separator: ", ")), of which the adapter has "
          + "no tensor; the base's stays"
      ]
  }

  /// Shape of the change that a module's factors give to a weight whose orientation is not told by itself.
  public func shape(of factors: Factors) -> Shape? {
    let (a, b) = (shape(factors.a), shape(factors.b))
    let isTransposed = factors.isEmbedding || (isFanInFanOut && a.count == 2)
    return Shape(isTransposed ? [a[1], b[0]] : [b[0]] + a.dropFirst())
  }

  func shape(_ tensor: Int) -> [Int] { checkpoint.catalogue.tensors[tensor].shape.extents }
}

/// Sorts an adapter's tensors by what their names say that they are.
private struct AdapterParts {
  let checkpoint: Checkpoint
  let config: AdapterConfig
  private var order: [String] = []
  private var found: [String: Found] = [:]
  private var wholes: [Adapter.Whole] = []

  private struct Found {
    var a: Int?
    var b: Int?
    var embeddingA: Int?
    var embeddingB: Int?
    var magnitude: Int?
    var bias: Int?
  }

  init(_ checkpoint: Checkpoint, _ config: AdapterConfig) {
    self.checkpoint = checkpoint
    self.config = config
  }

  private typealias Slot = WritableKeyPath<Found, Int?>

  /// The ends of names that belong to a module's factors; older writers keep the name of the adapter in them.
  private static let ends: [(end: String, slot: any Sendable & WritableKeyPath<Found, Int?>)] = [
    ("lora_A.weight", \.a), ("lora_B.weight", \.b), ("lora_B.bias", \.bias), ("lora_embedding_A", \.embeddingA),
    ("lora_embedding_B", \.embeddingB), ("lora_magnitude_vector", \.magnitude),
    ("lora_magnitude_vector.weight", \.magnitude), ("lora_A.default.weight", \.a), ("lora_B.default.weight", \.b),
    ("lora_B.default.bias", \.bias), ("lora_embedding_A.default", \.embeddingA),
    ("lora_embedding_B.default", \.embeddingB), ("lora_magnitude_vector.default.weight", \.magnitude),
  ]

  /// Takes a tensor by its name without the prefix.
  mutating func take(_ place: Int, _ name: String) throws(CheckpointError) {
    let info = checkpoint.catalogue.tensors[place]
    for (end, slot) in Self.ends where name.hasSuffix(".\(end)") {
      let module = String(name.dropLast(end.count + 1))
      guard info.dtype.isMergeable else {
        throw error(place, "elements of type \(info.dtype.rawValue)", "F64, F32, F16 or BF16")
      }
      if found[module] == nil { order.append(module) }
      guard found[module, default: Found()][keyPath: slot] == nil else {
        throw error(place, "a second tensor of its kind for \(MessageText.quoted(module))", "one")
      }
      found[module, default: Found()][keyPath: slot] = place
      return
    }
    if let kind = Self.foreignKinds.first(where: { name.contains(".\($0)") }) {
      throw error(place, "'\(kind)', a kind of adapter that is not read", "LoRA, rsLoRA or DoRA")
    }
    var plain = name
    for part in [".modules_to_save.default.", ".modules_to_save.", ".base_layer.", ".original_module."] {
      guard let range = plain.firstRange(of: part) else { continue }
      plain.replaceSubrange(range, with: ".")
    }
    wholes.append(Adapter.Whole(name: plain, tensor: place))
  }

  /// What names of tensors of other kinds contain.
  private static let foreignKinds = [
    "hada_w", "lokr_w", "oft_r", "oft_R", "boft_", "ia3_l", "lora_E", "lora_ranknum", "vera_lambda", "randlora_",
    "fourierft_", "hra_u", "vblora_", "road_", "token_adapter", "trainable_tokens", "shira_", "waveft_", "bone_",
    "miss_", "c3a_", "prompt_embeddings", "adaption_prompt", "lora_",
  ]

  /// The modules, each with both of its factors.
  func finish() throws(CheckpointError) -> (modules: [Adapter.Module], wholes: [Adapter.Whole]) {
    var modules: [Adapter.Module] = []
    for name in order {
      guard let found = found[name] else { continue }
      var module = Adapter.Module(name: name)
      module.factors = try factors(name, found)
      module.bias = found.bias
      module.magnitude = found.magnitude
      try checkMagnitude(name, found)
      modules.append(module)
    }
    guard !modules.isEmpty || !wholes.isEmpty else {
      throw CheckpointError(.malformed(found: "no tensors", expected: "factors of modules"), file: checkpoint.path)
    }
    return (modules, wholes)
  }

  private func factors(_ name: String, _ found: Found) throws(CheckpointError) -> Adapter.Factors? {
    let isEmbedding = found.embeddingA != nil || found.embeddingB != nil
    let (a, b) = isEmbedding ? (found.embeddingA, found.embeddingB) : (found.a, found.b)
    let kind = isEmbedding ? "lora_embedding" : "lora"
    guard let a, let b else {
      let place = a ?? b ?? found.bias ?? found.magnitude ?? 0
      let missing = a == nil ? "\(kind)_A" : "\(kind)_B"
      throw error(place, "no '\(missing)' for \(MessageText.quoted(name))", "both factors of a module")
    }
    if isEmbedding, let other = found.a ?? found.b {
      throw error(other, "factors of an embedding, too, for \(MessageText.quoted(name))", "one kind")
    }
    let (left, right) = (checkpoint.catalogue.tensors[b].shape, checkpoint.catalogue.tensors[a].shape)
    let rank = config.rank(of: name)
    guard right.extents.count >= 2, right.extents[0] == rank, right.elementCount > 0 else {
      throw error(a, "shape \(right)", "rank \(rank) as its first extent, as \(config.path) says")
    }
    guard left.extents.count >= 2, left.extents[1] == rank, left.extents.dropFirst(2).allSatisfy({ $0 == 1 }),
      left.elementCount > 0, isEmbedding ? left.extents.count == 2 && right.extents.count == 2 : true,
      left.extents.count == right.extents.count
    else {
      throw error(b, "shape \(left)", "rank \(rank) as its second extent, as \(config.path) says")
    }
    let scale = config.scale(of: name)
    guard scale.isFinite, Float(scale).isFinite else {
      throw error(a, "a scale of \(scale)", "a finite number; see 'lora_alpha' in \(config.path)")
    }
    return Adapter.Factors(a: a, b: b, rank: rank, scale: scale, isEmbedding: isEmbedding)
  }

  private func checkMagnitude(_ name: String, _ found: Found) throws(CheckpointError) {
    guard let magnitude = found.magnitude else {
      guard config.hasMagnitudes, let place = found.a ?? found.embeddingA else { return }
      throw error(
        place, "no 'lora_magnitude_vector' for \(MessageText.quoted(name))",
        "one, as 'use_dora' is set in \(config.path)")
    }
    guard config.hasMagnitudes else {
      throw error(magnitude, "lengths of DoRA", "none, as 'use_dora' is not set in \(config.path)")
    }
  }

  /// An error that names a tensor of the adapter.
  func error(_ place: Int, _ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(
      .malformed(found: found, expected: expected), file: checkpoint.path,
      tensor: checkpoint.catalogue.tensors[place].name)
  }
}
