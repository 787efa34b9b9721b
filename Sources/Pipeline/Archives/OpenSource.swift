internal import WeirIO
internal import WeirTensors

/// A source, open: a checkpoint, or an archive or adapter with or without its base.
struct OpenSource: Sendable {
  enum Content: Sendable {
    case checkpoint(Checkpoint)
    case archive(OpenArchive)
    case adapter(OpenAdapter)
  }

  let spec: SourceSpec
  let content: Content
  /// Its tensors in the vocabulary of the output, where it has been brought to that.
  var aligned: AlignedSource?

  init(spec: SourceSpec, content: Content) {
    self.spec = spec
    self.content = content
  }

  var archive: OpenArchive? {
    if case .archive(let archive) = content { archive } else { nil }
  }

  var adapter: OpenAdapter? {
    if case .adapter(let adapter) = content { adapter } else { nil }
  }

  /// The checkpoint itself; an archive or an adapter has none of its own.
  var checkpoint: Checkpoint? {
    if case .checkpoint(let checkpoint) = content { checkpoint } else { nil }
  }

  /// Its tensors as nodes see them.
  var catalogue: Catalogue { aligned?.catalogue ?? storedCatalogue }

  /// Its tensors as they are stored, in the same order.
  var storedCatalogue: Catalogue {
    switch content {
    case .checkpoint(let checkpoint): checkpoint.catalogue
    case .archive(let archive): archive.catalogue
    case .adapter(let adapter): adapter.catalogue
    }
  }

  /// The files that are read for it, without those of a base.
  var files: [InputFile] {
    switch content {
    case .checkpoint(let checkpoint): checkpoint.files
    case .archive(let archive): [archive.archive.file]
    case .adapter(let adapter): adapter.adapter.checkpoint.files
    }
  }

  /// Bytes of its tensors as they are stored.
  var byteCount: Int {
    switch content {
    case .checkpoint(let checkpoint): checkpoint.catalogue.byteCount
    case .archive(let archive): archive.archive.file.byteCount
    case .adapter(let adapter): adapter.adapter.checkpoint.catalogue.byteCount
    }
  }

  var config: JSONValue? {
    switch content {
    case .checkpoint(let checkpoint): checkpoint.config
    case .archive(let archive): archive.config
    case .adapter(let adapter): adapter.baseCheckpoint?.config
    }
  }

  var quantisation: String? { (checkpoint ?? adapter?.baseCheckpoint)?.quantisation }

  /// Whether it is the weights file of an adapter, taken as it is: factors that stand for themselves.
  var hasFactors: Bool {
    checkpoint.map { $0.files.allSatisfy { $0.path.hasSuffix("adapter_model.safetensors") } } ?? false
  }

  /// A small file beside the weights.
  func sideFile(_ name: String, maximumByteCount: Int) throws(CheckpointError) -> [UInt8] {
    switch content {
    case .checkpoint(let checkpoint):
      return try TextFile.read(checkpoint.folder + "/" + name, maximumByteCount: maximumByteCount)
    case .archive(let archive):
      if let bytes = try archive.archive.sideFile(name, base: archive.baseCheckpoint) { return bytes }
      guard let base = archive.baseCheckpoint else { throw CheckpointError(.notFound, file: name) }
      return try TextFile.read(base.folder + "/" + name, maximumByteCount: maximumByteCount)
    case .adapter(let adapter):
      for folder in adapter.sideFolders.reversed() {
        do {
          return try TextFile.read(folder + "/" + name, maximumByteCount: maximumByteCount)
        } catch  where error.kind == .notFound {
          continue
        }
      }
      throw CheckpointError(.notFound, file: name)
    }
  }

  /// Adds what stands beside the weights to a model made from them: tokenizer, templates, as far as names are wanted.
  func copySideFiles(
    into folder: OutputFolder, where isWanted: (String) -> Bool = { _ in true }
  ) throws(CheckpointError) {
    switch content {
    case .checkpoint(let checkpoint): try SideFiles.copy(from: checkpoint.folder, into: folder, where: isWanted)
    case .archive(let archive) where archive.archive.sideFiles.isEmpty:
      if let base = archive.baseCheckpoint { try SideFiles.copy(from: base.folder, into: folder, where: isWanted) }
    case .archive(let archive):
      try archive.archive.restoreSideFiles(into: folder, base: archive.baseCheckpoint) {
        SideFiles.isSideFile($0) && isWanted($0)
      }
    case .adapter(let adapter):
      var known: Set<String> = []
      for source in adapter.sideFolders.reversed() {
        try SideFiles.copy(from: source, into: folder) { isWanted($0) && known.insert($0).inserted }
      }
    }
  }

  func checkIntact() throws(CheckpointError) {
    for file in files { try file.checkIntact() }
  }
}

/// An archive as a source.
struct OpenArchive: Sendable {
  /// A tensor of the source: of the archive, of the base, or of both.
  struct Member: Sendable {
    let tensor: Int?
    let base: Int?
  }

  let archive: Archive
  /// The source that it applies to.
  let base: Int?
  let baseCheckpoint: Checkpoint?
  let catalogue: Catalogue
  /// In the order of the catalogue.
  let members: [Member]
  let config: JSONValue?

  /// Whether it gives what it was made from, and not only the change from a base that is not there.
  var givesResult: Bool { baseCheckpoint != nil || archive.kind == .adapter }

  /// Joins an archive with its base, if there is one.
  ///
  /// The archive of a checkpoint has all its tensors; one of a delta changes some of the base's, which has the others.
  init(_ archive: Archive, base: Int?, _ checkpoint: Checkpoint?) throws(CheckpointError) {
    guard archive.kind != .adapter || checkpoint == nil else {
      throw CheckpointError(
        .malformed(found: "a \"base\" beside the archive of an adapter", expected: "the archive alone"),
        file: archive.path)
    }
    self.archive = archive
    self.base = base
    baseCheckpoint = checkpoint
    var tensors: [TensorInfo] = []
    var members: [Member] = []
    if archive.kind != .checkpoint, let checkpoint {
      for (place, tensor) in checkpoint.catalogue.tensors.enumerated() {
        let own = archive.catalogue.position(of: tensor.name)
        tensors.append(own.map { archive.tensors[$0].info } ?? tensor)
        members.append(Member(tensor: own, base: place))
      }
    }
    for (place, tensor) in archive.tensors.enumerated() {
      guard archive.kind == .checkpoint || checkpoint?.catalogue[tensor.info.name] == nil else { continue }
      // Without the base, there is nothing that such a tensor could be the same as; of numbers, the change is none.
      if checkpoint == nil, tensor.codec == .same, !tensor.info.dtype.isMergeable { continue }
      tensors.append(tensor.info)
      members.append(
        Member(tensor: place, base: tensor.base == nil ? nil : checkpoint?.catalogue.position(of: tensor.info.name)))
    }
    catalogue = Catalogue(tensors)
    self.members = members
    config = try archive.sideFile("config.json", base: checkpoint).flatMap { try? JSON.parse($0) } ?? checkpoint?.config
    try check(checkpoint)
  }

  /// Whether a tensor's change is known without a base; of an adapter, the tensor itself.
  private func standsAlone(_ tensor: ArchiveTensor) -> Bool {
    if archive.kind == .adapter { return tensor.base == nil }
    switch tensor.codec {
    case .same: return true
    case .stored: return !tensor.info.dtype.isMergeable
    default: return tensor.form != .elements && !tensor.readsBase
    }
  }

  /// Refuses an archive that cannot apply to the base, or cannot be read without one, by what headers say.
  private func check(_ checkpoint: Checkpoint?) throws(CheckpointError) {
    for member in members {
      guard let tensor = member.tensor.map({ archive.tensors[$0] }) else { continue }
      let name = tensor.info.name
      guard let checkpoint else {
        guard standsAlone(tensor) else {
          throw CheckpointError(
            .malformed(
              found: "codec '\(tensor.codec.name)', which needs the base", expected: "a \"base\" beside \"archive\""),
            file: archive.path, tensor: name)
        }
        continue
      }
      guard let expected = tensor.base else { continue }
      guard let found = member.base.map({ checkpoint.catalogue.tensors[$0] }) else {
        throw CheckpointError(
          .malformed(found: "a base that lacks it", expected: "the base that the archive was made from"),
          file: archive.path, tensor: name)
      }
      guard found.dtype == expected.dtype, found.shape == expected.shape(beside: tensor.info.shape) else {
        let shape = expected.shape(beside: tensor.info.shape)?.description ?? "another shape"
        throw CheckpointError(
          .malformed(
            found: "\(found.dtype.rawValue) \(found.shape) in the base",
            expected: "\(expected.dtype.rawValue) \(shape), as in the base that the archive was made from"),
          file: archive.path, tensor: name)
      }
    }
  }
}

extension GraphPlan {
  /// Where the bytes of a tensor are, of a checkpoint or one that an adapter has whole.
  func location(of operand: Operand) -> (file: InputFile, bytes: Range<Int>) {
    let source = sources[operand.source]
    var (checkpoint, tensor) = (source.checkpoint, operand.tensor)
    if let adapter = source.adapter, let whole = adapter.members[operand.tensor].whole {
      (checkpoint, tensor) = (adapter.adapter.checkpoint, whole)
    }
    guard let checkpoint else { preconditionFailure("archives and changes have no plain bytes") }
    let location = checkpoint.locations[tensor]
    return (checkpoint.files[location.file], location.bytes)
  }

  /// Bytes that reading all of an operand takes, once.
  func inputBytes(of operand: Operand) -> Int {
    if let adapted = adapted(operand) { return adapted.inputBytes }
    if let gathered = gathered(operand) { return gathered.inputBytes }
    guard let coded = coded(operand) else { return info(of: operand).byteCount }
    return coded.archive.blocks[coded.tensor.blocks].count
  }

  /// The gathered rows behind an operand, where it has such.
  func gathered(_ operand: Operand) -> GatheredTensor? {
    operand.aspect == .gathered ? sources[operand.source].aligned?.gathered[operand.tensor] : nil
  }

  /// The product of an adapter's factors behind an operand, where it is one.
  func adapted(_ operand: Operand) -> AdapterTensor? {
    guard let member = sources[operand.source].adapter?.members[operand.tensor] else { return nil }
    switch operand.aspect {
    case .stored, .gathered: return nil
    case .change: return member.change
    case .magnitude: return member.magnitude?.tensor
    }
  }

  /// The archive's tensor behind an operand, where it is one.
  func coded(_ operand: Operand) -> CodedTensor? {
    guard operand.aspect == .stored, let archive = sources[operand.source].archive,
      let tensor = archive.members[operand.tensor].tensor
    else {
      return nil
    }
    var base: (file: InputFile, bytes: Range<Int>)?
    if let source = archive.base, let place = archive.members[operand.tensor].base {
      base = location(of: Operand(source: source, tensor: place))
    }
    return CodedTensor(archive: archive.archive, index: tensor, base: base)
  }
}
