internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A source whose tensors with a row per token have been brought to the output's vocabulary.
struct AlignedSource: Sendable {
  let catalogue: Catalogue
  /// By their place in the catalogue, those tensors whose rows are gathered.
  let gathered: [Int: GatheredTensor]
}

/// The vocabulary to which all models of a plan are brought.
struct Alignment: Sendable {
  /// The source whose tokenizer the output has.
  let owner: Int
  let vocabulary: OutputVocabulary
  /// Rows of the output's tensors.
  let rowCount: Int
  /// The tokens of each source.
  let tokens: [Int: Vocabulary]
  /// Bytes of all maps.
  let mapBytes: Int
}

/// A source that has a vocabulary.
struct VocabularyModel: Sendable {
  let source: Int
  let name: String
  /// Places in the catalogue of the tensors with a row per token.
  let tensors: [Int]
  let rowCount: Int
  let vocabulary: Vocabulary

  /// The row of a token, if the model has one for it.
  func row(of token: String) -> Int? { vocabulary.rows[token].flatMap { $0 < rowCount ? $0 : nil } }
}

/// Brings all models of a pipeline to one vocabulary: works out its tokens, and where each row of each tensor comes from.
///
/// A token's row is a model's own where it has the token. Where it lacks it: the row that a rule names; else the only owner's;
/// else the base's; else the mean of all owners'; of a token that no model has, zero.
struct VocabularyPlanner {
  private let spec: PipelineSpec
  private let tokenizer: TokenizerSpec
  private let memory: Int
  private var sources: [OpenSource]
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var warnings: [Diagnostic] = []
  private var models: [VocabularyModel] = []
  private var known: [Hash128: Vocabulary] = [:]

  /// Bytes that reading a tokenizer takes for each of its own.
  private static let treeBytesPerByte = 12
  private static let mostRows = 1 << 26

  init(_ spec: PipelineSpec, _ tokenizer: TokenizerSpec, _ sources: [OpenSource], memory: Int) {
    self.spec = spec
    self.tokenizer = tokenizer
    self.sources = sources
    self.memory = memory
  }

  /// The sources with their tensors aligned, and what they were aligned to; `nil` after reports.
  mutating func plan() -> (sources: [OpenSource], alignment: Alignment)? {
    let order = spec.sourceOrder
    let places = Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($1.spec.name.name, $0) })
    collectModels(order.compactMap { places[$0] })
    guard diagnostics.isEmpty else { return nil }
    guard let base = models.first else {
      diagnose("'tokenizer': no source has a tensor with a row per token, expected one; remove the key")
      return nil
    }
    var owner = base
    if case .source(let reference) = tokenizer.origin {
      guard let found = models.first(where: { $0.name == reference.name }) else {
        diagnose(
          "'tokenizer': \(MessageText.quoted(reference.name)) has no tensor with a row per token, expected a model with a "
            + "vocabulary", at: reference.position)
        return nil
      }
      owner = found
    }
    var vocabulary = OutputVocabulary(owner.vocabulary, limit: owner.rowCount)
    if case .union = tokenizer.origin {
      vocabulary.unite(models.dropFirst().map { ($0.vocabulary, $0.rowCount) })
    }
    for rule in tokenizer.rules { vocabulary.append(rule.token) }
    if !vocabulary.isOwners, owner.vocabulary.model == nil {
      diagnose(
        "'tokenizer': tokens are added to those of \(MessageText.quoted(owner.name)), which has no tokenizer.json, expected "
          + "one; load its tokenizer with the transformers library and save it")
    }
    let rowCount = rowCount(vocabulary, owner)
    guard rowCount <= Self.mostRows else {
      diagnose("'tokenizer': the vocabulary has \(rowCount) rows, expected at most \(Self.mostRows)")
      return nil
    }
    checkRules()
    guard diagnostics.isEmpty else { return nil }
    let mapBytes = align(vocabulary, owner: owner, rowCount)
    guard diagnostics.isEmpty else { return nil }
    return (
      sources,
      Alignment(
        owner: owner.source, vocabulary: vocabulary, rowCount: rowCount,
        tokens: Dictionary(uniqueKeysWithValues: models.map { ($0.source, $0.vocabulary) }), mapBytes: mapBytes)
    )
  }

  private func rowCount(_ vocabulary: OutputVocabulary, _ owner: VocabularyModel) -> Int {
    guard let multiple = tokenizer.multiple else { return max(vocabulary.rowCount, owner.rowCount) }
    return (vocabulary.rowCount + multiple - 1) / multiple * multiple
  }

  // MARK: - Models

  /// Finds the sources with tensors that have a row per token, and reads their tokenizers.
  private mutating func collectModels(_ order: [Int]) {
    var lacking: [(source: Int, tensors: [Int], rowCount: Int)] = []
    for source in order {
      let tensors = Self.vocabularyTensors(sources[source].catalogue)
      guard let first = tensors.first else { continue }
      let name = sources[source].spec.name
      guard sources[source].spec.space == .weight else {
        diagnose(
          "'tokenizer': \(MessageText.quoted(name.name)) is a change with a row per token, which no tokenizer tells of, expected "
            + "models; name its \"base\", or remove the key", at: name.position)
        continue
      }
      let rows = sources[source].catalogue.tensors[first].shape.extents[0]
      switch vocabulary(of: source) {
      case .success(let vocabulary?):
        models.append(
          VocabularyModel(
            source: source, name: name.name, tensors: tensors, rowCount: rows, vocabulary: vocabulary))
      case .success(nil): lacking.append((source, tensors, rows))
      case .failure(let error): diagnose("source \(MessageText.quoted(name.name)): \(error)", at: name.position)
      }
    }
    for model in lacking { takeBases(model.source, model.tensors, model.rowCount) }
  }

  /// A model without a tokenizer has that of the first, if it has as many rows.
  private mutating func takeBases(_ source: Int, _ tensors: [Int], _ rowCount: Int) {
    let name = sources[source].spec.name
    let position = name.position
    guard let base = models.first, base.rowCount == rowCount else {
      diagnose(
        "'tokenizer': \(MessageText.quoted(name.name)) has no tokenizer.json and no vocab.json, expected one of them beside its "
          + "weights", at: position)
      return
    }
    warnings.append(
      Diagnostic(
        "'tokenizer': \(MessageText.quoted(name.name)) has no tokenizer, and is taken to have the tokens of "
          + "\(MessageText.quoted(base.name)), as it has as many rows", severity: .warning, file: spec.file,
        position: position))
    models.append(
      VocabularyModel(
        source: source, name: name.name, tensors: tensors, rowCount: rowCount, vocabulary: base.vocabulary))
  }

  /// The places of the tensors with a row per token: by their names, and as high as the highest of them.
  private static func vocabularyTensors(_ catalogue: Catalogue) -> [Int] {
    let named = catalogue.tensors.indices.filter { place in
      let tensor = catalogue.tensors[place]
      return VocabularyCheck.isVocabularyTensor(tensor.name) && LayerPosition(name: tensor.name) == nil
        && tensor.dtype.isMergeable && tensor.elementCount > 0 && !tensor.shape.extents.isEmpty
    }
    let rows = named.map { catalogue.tensors[$0].shape.extents[0] }.max()
    return named.filter { catalogue.tensors[$0].shape.extents[0] == rows }
  }

  private mutating func vocabulary(of source: Int) -> Result<Vocabulary?, CheckpointError> {
    let limit = memory / Self.treeBytesPerByte
    let open = sources[source]
    do throws(CheckpointError) {
      if let text = try? open.sideFile("tokenizer.json", maximumByteCount: limit) {
        let hash = Hash128(text)
        if let vocabulary = known[hash] { return .success(vocabulary) }
        let vocabulary = try Vocabulary.read(open.spec.path) { (name) throws(CheckpointError) in
          guard name == "tokenizer.json" else { throw CheckpointError(.notFound, file: name) }
          return text
        }
        known[hash] = vocabulary
        return .success(vocabulary)
      }
      return .success(
        try Vocabulary.read(open.spec.path) { (name) throws(CheckpointError) in
          try open.sideFile(name, maximumByteCount: limit)
        })
    } catch {
      return .failure(error)
    }
  }

  // MARK: - Rules

  private mutating func checkRules() {
    for rule in tokenizer.rules {
      let (reference, row): (Reference, Int?)
      let wanted: String
      switch rule.row {
      case .zero: continue
      case .same(let from):
        (reference, row, wanted) = (from, model(from)?.row(of: rule.token), MessageText.quoted(rule.token))
      case .token(let from, let token):
        (reference, row, wanted) = (from, model(from)?.row(of: token), MessageText.quoted(token))
      case .row(let from, let number):
        (reference, row, wanted) = (from, model(from).flatMap { number < $0.rowCount ? number : nil }, "row \(number)")
      }
      guard row == nil else { continue }
      diagnose(
        "'tokenizer': the rule for token \(MessageText.quoted(rule.token)) names \(wanted) of \(MessageText.quoted(reference.name)), "
          + (model(reference).map { "which has \($0.rowCount) rows and none for it" } ?? "which has no vocabulary")
          + ", expected a row that it has", at: rule.position)
    }
  }

  private func model(_ reference: Reference) -> VocabularyModel? { models.first { $0.name == reference.name } }

  // MARK: - Rows

  /// Aligns every tensor with a row per token of every model; gives back the bytes of the maps.
  private mutating func align(_ vocabulary: OutputVocabulary, owner: VocabularyModel, _ rowCount: Int) -> Int {
    var tokens = [String?](repeating: nil, count: rowCount)
    for (token, row) in vocabulary.rows { tokens[row] = token }
    let rules = Dictionary(uniqueKeysWithValues: tokenizer.rules.map { ($0.token, $0) })
    var changed: [Int: (tensors: [TensorInfo], gathered: [Int: GatheredTensor])] = [:]
    for model in models { changed[model.source] = (sources[model.source].catalogue.tensors, [:]) }
    var bytes = 0
    var names: [String] = []
    for model in models {
      for place in model.tensors {
        let name = sources[model.source].catalogue.tensors[place].name
        if !names.contains(name) { names.append(name) }
      }
    }
    for name in names {
      guard let family = family(name, owner) else { continue }
      let defaults = family.defaults(tokens, rules, vocabulary.rowCount)
      for (number, model) in family.models.enumerated() {
        let isTied = family.tied.contains(number)
        // Of the model that leads a tied head stays one.
        guard !isTied || model.source != models[0].source else { continue }
        let place = family.places[number]
        let info = sources[model.source].catalogue.tensors[place]
        guard let shape = Shape([rowCount] + info.shape.extents.dropFirst()) else { continue }
        let map = RowMap(family.rows(of: number, tokens, rules, defaults.rows))
        let gathered = family.gathered(number, map, defaults.means, vocabulary.rowCount)
        let target = isTied ? changed[model.source]?.tensors.count ?? 0 : place
        if isTied { changed[model.source]?.tensors.append(info) }
        changed[model.source]?.tensors[target] = TensorInfo(name: name, dtype: info.dtype, shape: shape)
        guard let gathered else { continue }
        bytes += gathered.map.byteCount + gathered.means.reduce(0) { $0 + 32 + 16 * $1.count }
        changed[model.source]?.gathered[target] = gathered
      }
    }
    for (source, change) in changed {
      sources[source].aligned = AlignedSource(catalogue: Catalogue(change.tensors), gathered: change.gathered)
    }
    return bytes
  }

  /// All models' tensors of one name.
  private mutating func family(_ name: String, _ owner: VocabularyModel) -> TensorFamily? {
    var family = TensorFamily(padsWithMean: tokenizer.multiple != nil)
    for model in models {
      let own = model.tensors.first { sources[model.source].catalogue.tensors[$0].name == name }
      guard let place = own ?? tiedHead(name, model) else { continue }
      guard let part = sources.part(of: model.source, place) else {
        diagnose(
          "'tokenizer': \(MessageText.quoted(name)) of \(MessageText.quoted(model.name)) is not stored as it is, expected plain "
            + "weights to take rows from; write the model with 'weir apply' first",
          at: sources[model.source].spec.name.position)
        continue
      }
      let info = sources[model.source].catalogue.tensors[place]
      if let first = family.columns, first.extents != Array(info.shape.extents.dropFirst()) {
        diagnose(
          "'tokenizer': tensor \(MessageText.quoted(name)) has rows of \(info.shape.elementCount / model.rowCount) elements in "
            + "\(MessageText.quoted(model.name)) and of another number in \(MessageText.quoted(first.model)), expected equal ones",
          at: tokenizer.position)
        continue
      }
      family.columns = family.columns ?? (Array(info.shape.extents.dropFirst()), model.name)
      if own == nil { family.tied.insert(family.models.count) }
      if model.source == owner.source { family.owner = family.models.count }
      if model.source == models.first?.source { family.base = family.models.count }
      family.models.append(model)
      family.places.append(place)
      family.parts.append(part)
    }
    return family.models.isEmpty ? nil : family
  }

  /// The embedding of a model whose head it is: others take rows from it that they lack in theirs.
  private func tiedHead(_ name: String, _ model: VocabularyModel) -> Int? {
    let source = sources[model.source]
    guard TiedHead.isHead(name), TiedHead.isTied(source.config),
      let place = TiedHead.embedding(of: source.catalogue).flatMap({ source.catalogue.position(of: $0.name) })
    else { return nil }
    return model.tensors.contains(place) ? place : nil
  }

  private mutating func diagnose(_ message: String, at position: Position? = nil) {
    diagnostics.append(Diagnostic(message, file: spec.file, position: position ?? tokenizer.position))
  }
}

extension [OpenSource] {
  /// Where the plain bytes of a source's tensor are; `nil` where they must be decoded or computed.
  fileprivate func part(of source: Int, _ place: Int) -> GatheredTensor.Part? {
    var checkpoint = self[source].checkpoint
    var tensor: Int? = place
    if let adapter = self[source].adapter {
      let member = adapter.members[place]
      guard member.change == nil else { return nil }
      (checkpoint, tensor) =
        member.whole == nil ? (adapter.baseCheckpoint, member.base) : (adapter.adapter.checkpoint, member.whole)
    } else if let archive = self[source].archive {
      let member = archive.members[place]
      guard member.tensor.map({ archive.archive.tensors[$0].codec == .same }) ?? true else { return nil }
      (checkpoint, tensor) = (archive.baseCheckpoint, member.base)
    }
    guard let checkpoint, let tensor else { return nil }
    let location = checkpoint.locations[tensor]
    let info = checkpoint.catalogue.tensors[tensor]
    return GatheredTensor.Part(
      file: checkpoint.files[location.file], start: location.bytes.lowerBound, dtype: info.dtype, name: info.name)
  }
}

extension PipelineSpec {
  /// The names of the sources that outputs, nodes and the vocabulary name, in the order in which they do, leads first.
  fileprivate var sourceOrder: [String] {
    let nodes = Dictionary(uniqueKeysWithValues: self.nodes.map { ($0.name.name, $0) })
    var order: [String] = []
    var seen: Set<String> = []
    var stack = outputs.reversed().map(\.from.name)
    while let name = stack.popLast() {
      guard seen.insert(name).inserted else { continue }
      if let node = nodes[name] { stack += node.references.reversed().map(\.name) } else { order.append(name) }
    }
    // What an adapter applies to takes no part by itself; what a rule names does.
    for reference in tokenizer?.references ?? [] where seen.insert(reference.name).inserted {
      order.append(reference.name)
    }
    return order
  }
}
