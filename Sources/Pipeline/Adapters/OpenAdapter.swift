internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// An adapter as a source: with its base the model that the two give, without it the change.
struct OpenAdapter: Sendable {
  /// A tensor of the source, and what it is made from.
  struct Member: Sendable {
    /// Its place in the base.
    let base: Int?
    /// What is added: s·BA, or s times what is added to a bias.
    var change: AdapterTensor?
    /// DoRA's lengths, each as often as a row or a column has elements.
    var magnitude: Magnitude?
    /// The place, in the adapter, of what stands for the base's tensor.
    var whole: Int?
  }

  struct Magnitude: Sendable {
    let tensor: AdapterTensor
    let isPerRow: Bool
  }

  let adapter: Adapter
  /// The source that it applies to.
  let base: Int?
  let baseCheckpoint: Checkpoint?
  let catalogue: Catalogue
  /// In the order of the catalogue.
  let members: [Member]

  init(_ adapter: Adapter, base: Int?, _ checkpoint: Checkpoint?) throws(CheckpointError) {
    self.adapter = adapter
    self.base = base
    baseCheckpoint = checkpoint
    var joining = Joining(adapter, checkpoint)
    (catalogue, members) = try joining.result()
  }

  /// The folders that side files are taken from: the base's, and of an adapter with another vocabulary its own over it.
  var sideFolders: [String] {
    [baseCheckpoint?.folder, changesVocabulary ? adapter.checkpoint.folder : nil].compactMap(\.self)
  }

  /// Whether the adapter brings a vocabulary of its own: rows of an embedding or head in another number than the base's.
  var changesVocabulary: Bool {
    zip(catalogue.tensors, members).contains { tensor, member in
      guard member.whole != nil, let base = member.base, let checkpoint = baseCheckpoint else { return false }
      return VocabularyCheck.isVocabularyTensor(tensor.name) && tensor.shape != checkpoint.catalogue.tensors[base].shape
    }
  }
}

/// Finds the tensor of a base for everything that an adapter has.
private struct Joining {
  let adapter: Adapter
  let base: Checkpoint?
  private var names: AdapterNames
  private var members: [OpenAdapter.Member]
  private var tensors: [TensorInfo]

  init(_ adapter: Adapter, _ base: Checkpoint?) {
    self.adapter = adapter
    self.base = base
    names = AdapterNames(adapter, base)
    tensors = base?.catalogue.tensors ?? []
    members = tensors.indices.map { OpenAdapter.Member(base: $0) }
  }

  mutating func result() throws(CheckpointError) -> (Catalogue, [OpenAdapter.Member]) {
    for whole in adapter.wholes { try replace(whole) }
    for module in adapter.modules { try change(module) }
    return (Catalogue(tensors), members)
  }

  // MARK: - Wholes

  private mutating func replace(_ whole: Adapter.Whole) throws(CheckpointError) {
    let own = adapter.checkpoint.catalogue.tensors[whole.tensor]
    guard let base else {
      throw error(whole.tensor, "a whole tensor, which is no change", "a \"base\" beside \"adapter\"")
    }
    let place = try place(of: whole.name, for: whole.tensor)
    let expected = base.catalogue.tensors[place]
    guard members[place].whole == nil else {
      throw error(whole.tensor, "a second tensor for \(MessageText.quoted(expected.name))", "one")
    }
    guard own.dtype.isMergeable == expected.dtype.isMergeable, own.dtype.isMergeable || own.dtype == expected.dtype
    else {
      throw error(
        whole.tensor, own.dtype.rawValue, "\(expected.dtype.rawValue) as \(quoted(expected.name)) is in \(base.path)")
    }
    let (a, b) = (own.shape.extents, expected.shape.extents)
    guard a == b || (VocabularyCheck.isVocabularyTensor(expected.name) && a.dropFirst() == b.dropFirst()) else {
      throw error(
        whole.tensor, "shape \(own.shape)", "\(expected.shape) as \(quoted(expected.name)) has in \(base.path)")
    }
    members[place].whole = whole.tensor
    tensors[place] = TensorInfo(name: expected.name, dtype: expected.dtype, shape: own.shape)
  }

  // MARK: - Factors

  private mutating func change(_ module: Adapter.Module) throws(CheckpointError) {
    guard let factors = module.factors else { return }
    let place = try place(of: "\(module.name).weight", for: factors.a, shape: adapter.shape(of: factors))
    guard members[place].change == nil else {
      throw error(factors.a, "a second change of \(quoted(tensors[place].name))", "one")
    }
    let isTransposed = try isTransposed(module, factors, tensors[place])
    let shape = tensors[place].shape
    guard let rows = shape.extents.first, rows > 0,
      let tensor = AdapterTensor(
        adapter, AdapterTensor.Side(tensor: isTransposed ? factors.a : factors.b, isTransposed: isTransposed),
        AdapterTensor.Side(tensor: isTransposed ? factors.b : factors.a, isTransposed: isTransposed), rows: rows,
        inner: factors.rank, columns: shape.elementCount / rows, scale: factors.scale)
    else { throw error(factors.a, "a product of shape \(shape)", "one of at most 2147483647 rows and columns") }
    members[place].change = tensor
    if let magnitude = module.magnitude {
      members[place].magnitude = try lengths(magnitude, shape, isPerRow: !isTransposed)
    }
    if let bias = module.bias { try add(bias, of: module, factors.scale) }
  }

  /// Whether a weight is stored as in × out, as those of embeddings are.
  private func isTransposed(
    _ module: Adapter.Module, _ factors: Adapter.Factors, _ weight: TensorInfo
  ) throws(CheckpointError) -> Bool {
    let a = adapter.checkpoint.catalogue.tensors[factors.a].shape.extents
    let rows = adapter.checkpoint.catalogue.tensors[factors.b].shape.extents[0]
    let (plain, turned) = ([rows] + a.dropFirst(), [a[1], rows])
    let extents = weight.shape.extents
    guard weight.dtype.isMergeable else {
      throw error(
        factors.a, "a change of \(quoted(weight.name)), which is \(weight.dtype.rawValue) in the base",
        "F64, F32, F16 or BF16; dequantise the base first")
    }
    if factors.isEmbedding {
      if extents == turned { return true }
    } else if a.count == 2, extents == turned, extents != plain || adapter.isFanInFanOut {
      return true
    } else if extents == plain {
      return false
    }
    let shapes = a.count == 2 ? "\(factors.isEmbedding ? turned : plain)" : "\(plain)"
    throw error(
      factors.a, "a product of shape \(shapes) with its partner",
      "\(weight.shape) as \(quoted(weight.name)) has\(base.map { " in \($0.path)" } ?? "")")
  }

  /// DoRA's lengths, as a tensor of the weight's shape.
  private func lengths(
    _ place: Int, _ shape: Shape, isPerRow: Bool
  ) throws(CheckpointError) -> OpenAdapter.Magnitude {
    let own = adapter.checkpoint.catalogue.tensors[place].shape
    guard base != nil else {
      throw error(place, "lengths of DoRA, which the base is needed for", "a \"base\" beside \"adapter\"")
    }
    guard shape.extents.count == 2 else {
      throw error(place, "lengths of DoRA for a convolution of shape \(shape)", "for a matrix")
    }
    let (rows, columns) = (shape.extents[0], shape.extents[1])
    let lengths = AdapterTensor.Side(tensor: place)
    let ones = AdapterTensor.Side(tensor: nil)
    guard own.elementCount == (isPerRow ? rows : columns),
      let tensor = AdapterTensor(
        adapter, isPerRow ? lengths : ones, isPerRow ? ones : lengths, rows: rows, inner: 1, columns: columns, scale: 1)
    else { throw error(place, "shape \(own)", "\(isPerRow ? rows : columns) lengths") }
    return OpenAdapter.Magnitude(tensor: tensor, isPerRow: isPerRow)
  }

  private mutating func add(_ bias: Int, of module: Adapter.Module, _ scale: Double) throws(CheckpointError) {
    let shape = adapter.checkpoint.catalogue.tensors[bias].shape
    let place = try place(of: "\(module.name).bias", for: bias, shape: shape)
    guard tensors[place].shape == shape, shape.extents.count == 1, tensors[place].dtype.isMergeable,
      let tensor = AdapterTensor(
        adapter, AdapterTensor.Side(tensor: bias), AdapterTensor.Side(tensor: nil), rows: shape.elementCount, inner: 1,
        columns: 1, scale: scale)
    else {
      throw error(bias, "shape \(shape)", "\(tensors[place].shape) as \(quoted(tensors[place].name)) has in the base")
    }
    guard members[place].change == nil else {
      throw error(bias, "a second change of \(quoted(tensors[place].name))", "one")
    }
    members[place].change = tensor
  }

  // MARK: - Places

  /// The place of a tensor by its name in the adapter; a new one where there is no base.
  private mutating func place(of name: String, for tensor: Int, shape: Shape? = nil) throws(CheckpointError) -> Int {
    guard let base else {
      guard let shape else { throw error(tensor, "a shape that is none", "two factors") }
      tensors.append(TensorInfo(name: name, dtype: .f32, shape: shape))
      members.append(OpenAdapter.Member(base: nil))
      return tensors.count - 1
    }
    guard let place = base.catalogue.position(of: names.inBase(name)) else {
      let isTied = name.hasSuffix("lm_head.weight") && base.config?["tie_word_embeddings"]?.bool == true
      throw error(
        tensor, "a part of \(quoted(name)), which \(base.path) lacks\(isTied ? " as its head is its embedding" : "")",
        "the base that the adapter was made for")
    }
    return place
  }

  private func quoted(_ name: String) -> String { MessageText.quoted(name) }

  private func error(_ place: Int, _ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(
      .malformed(found: found, expected: expected), file: adapter.checkpoint.path,
      tensor: adapter.checkpoint.catalogue.tensors[place].name)
  }
}

/// How names of modules become names of a base's tensors: an adapter may have been made for the whole of a model whose
/// files hold the part without its head, or the other way round.
private struct AdapterNames {
  /// The most prefixes that are tried.
  private static let mostCandidates = 16

  private var dropped = ""
  private var added = ""

  init(_ adapter: Adapter, _ base: Checkpoint?) {
    guard let base else { return }
    let names =
      adapter.modules.map { "\($0.name).weight" } + adapter.wholes.map(\.name)
    guard let first = names.first(where: { base.catalogue[$0] == nil }) else { return }
    func fits(_ other: AdapterNames) -> Bool { names.allSatisfy { base.catalogue[other.inBase($0)] != nil } }
    var prefix = ""
    for part in first.split(separator: ".").prefix(4) {
      prefix += "\(part)."
      let other = AdapterNames(dropped: prefix)
      guard fits(other) else { continue }
      self = other
      return
    }
    for tensor in base.catalogue.tensors.lazy.filter({ $0.name.hasSuffix(".\(first)") }).prefix(Self.mostCandidates) {
      let other = AdapterNames(added: String(tensor.name.dropLast(first.count)))
      guard fits(other) else { continue }
      self = other
      return
    }
  }

  private init(dropped: String = "", added: String = "") {
    self.dropped = dropped
    self.added = added
  }

  func inBase(_ name: String) -> String {
    if !dropped.isEmpty { return name.hasPrefix(dropped) ? String(name.dropFirst(dropped.count)) : name }
    return added + name
  }
}
