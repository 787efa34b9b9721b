internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A source or a node of a pipeline, by its place.
enum ValueIndex: Hashable, Sendable {
  case source(Int)
  case node(Int)
}

/// A tensor of a source.
struct Operand: Hashable, Sendable {
  let source: Int
  /// Its place in the source's catalogue.
  let tensor: Int
  /// What of it, where an adapter has several things for one tensor.
  var aspect = Aspect.stored

  enum Aspect: Hashable, Sendable {
    /// Its bytes: a checkpoint's, an archive's to be decoded, or those of an adapter that stand for the base's.
    case stored
    /// What an adapter adds.
    case change
    /// The lengths of its rows or columns.
    case magnitude
    /// Its rows as the output's vocabulary orders them, and those of other models for what it lacks.
    case gathered
  }
}

/// A node with its inputs found and its tensors known.
struct NodePlan: Sendable {
  var spec: NodeSpec { didSet { settings = Settings(spec) } }
  /// What of its parameters is the same for all tensors.
  private(set) var settings: Settings
  let method: any Method.Type
  let base: ValueIndex?
  let models: [ValueIndex]
  let modelIsDelta: [Bool]
  /// What the node gives: names after renaming, shapes and types as the leading input has them.
  let catalogue: Catalogue
  /// The tensor of an input that each tensor of the catalogue is made from.
  let origins: [Origin]
  /// Elements of all the tensors that are merged rather than copied.
  let mergedElementCount: Int
  /// What its parameters name beside the models.
  var sides: [Side] = []

  init(
    spec: NodeSpec, method: any Method.Type, base: ValueIndex?, models: [ValueIndex], modelIsDelta: [Bool],
    catalogue: Catalogue, origins: [Origin], mergedElementCount: Int
  ) {
    self.spec = spec
    settings = Settings(spec)
    self.method = method
    self.base = base
    self.models = models
    self.modelIsDelta = modelIsDelta
    self.catalogue = catalogue
    self.origins = origins
    self.mergedElementCount = mergedElementCount
  }

  /// Where a tensor of a node comes from.
  struct Origin: Sendable {
    /// The input that is copied, and that the tensor's shape and type come from.
    let lead: ValueIndex
    /// The tensor's name in the inputs.
    let name: String
    /// The tensor's place among the merged ones; `nil` where the lead is copied.
    let mergedIndex: Int?
  }

  /// The input whose tensors lead.
  var lead: ValueIndex? { base ?? models.first }
}

/// A pipeline's sources and nodes, ready to be lowered tensor by tensor.
struct GraphPlan: Sendable {
  var sources: [OpenSource]
  /// Sources of coefficients, by name.
  let coefficients: [String: CoefficientFile]

  /// The sources of coefficients in the order of their names.
  var coefficientFiles: [(name: String, file: CoefficientFile)] {
    coefficients.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  var nodes: [NodePlan] = []
  let checksFinite: Bool
  /// The logarithm of how many bins all searches of a sweep together may have.
  let searchBits: Int
  /// The vocabulary to which all models are brought, where they are.
  var alignment: Alignment?

  func catalogue(of index: ValueIndex) -> Catalogue {
    switch index {
    case .source(let source): sources[source].catalogue
    case .node(let node): nodes[node].catalogue
    }
  }

  func name(of index: ValueIndex) -> String {
    switch index {
    case .source(let source): sources[source].spec.name.name
    case .node(let node): nodes[node].spec.name.name
    }
  }

  func info(of operand: Operand) -> TensorInfo {
    let source = sources[operand.source]
    if let adapter = source.adapter, operand.aspect == .stored, let whole = adapter.members[operand.tensor].whole {
      return adapter.adapter.checkpoint.catalogue.tensors[whole]
    }
    return (operand.aspect == .gathered ? source.catalogue : source.storedCatalogue).tensors[operand.tensor]
  }

  /// The source whose folder supplies config and tokenizer: the first one reached through leading inputs.
  func donor(of index: ValueIndex) -> Int? {
    var index = index
    while true {
      switch index {
      case .source(let source): return source
      case .node(let node):
        guard let next = nodes[node].lead ?? nodes[node].origins.first?.lead else { return nil }
        index = next
      }
    }
  }

  /// The source or node of a name.
  func place(named name: String) -> ValueIndex? {
    sources.firstIndex { $0.spec.name.name == name }.map { .source($0) }
      ?? nodes.firstIndex { $0.spec.name.name == name }.map { .node($0) }
  }

  /// All sources that a value is made from, in the order in which nodes name them.
  func sources(under index: ValueIndex) -> [Int] {
    var found: [Int] = []
    var seen: Set<ValueIndex> = []
    var stack = [index]
    while let index = stack.popLast() {
      guard seen.insert(index).inserted else { continue }
      switch index {
      case .source(let source): found.append(source)
      case .node(let node):
        let plan = nodes[node]
        stack += ((plan.base.map { [$0] } ?? []) + plan.models).reversed()
      }
    }
    return found
  }

  /// The nodes under a value, each after what it reads.
  func nodes(under index: ValueIndex) -> [Int] { nodes(under: [index]) }

  /// The nodes under some values, each once, after what it reads.
  func nodes(under indices: [ValueIndex]) -> [Int] {
    var seen: Set<ValueIndex> = []
    var stack = indices
    while let index = stack.popLast() {
      guard seen.insert(index).inserted, case .node(let node) = index else { continue }
      stack += (nodes[node].base.map { [$0] } ?? []) + nodes[node].models + nodes[node].sides.map(\.value)
    }
    return seen.compactMap { if case .node(let node) = $0 { node } else { nil } }.sorted()
  }
}

// MARK: - Tied heads

extension GraphPlan {
  /// Whether a model that ties its head to its embedding may lack this tensor.
  func isTiedHead(_ name: String, _ index: ValueIndex) -> Bool {
    guard TiedHead.isHead(name), let donor = donor(of: index) else { return false }
    return TiedHead.isTied(sources[donor].config)
  }

  /// What a value has for a tensor: its own of that name, or for a head that is its embedding the embedding.
  func name(of name: String, in index: ValueIndex) -> String {
    guard TiedHead.isHead(name), catalogue(of: index)[name] == nil, isTiedHead(name, index) else { return name }
    return TiedHead.embedding(of: catalogue(of: index))?.name ?? name
  }
}

/// Heads that are no tensors of their own, but the model's embedding.
enum TiedHead {
  static func isHead(_ name: String) -> Bool { name.hasSuffix("lm_head.weight") }

  /// Whether a config says that the head is the embedding.
  static func isTied(_ config: JSONValue?) -> Bool { config?["tie_word_embeddings"]?.bool == true }

  /// The embedding that is the head, too: the only tensor with a row per token; `nil` where there are several.
  static func embedding(of catalogue: Catalogue) -> TensorInfo? {
    let found = catalogue.tensors.filter {
      VocabularyCheck.isVocabularyTensor($0.name) && !isHead($0.name) && LayerPosition(name: $0.name) == nil
    }
    return found.count == 1 ? found[0] : nil
  }
}
