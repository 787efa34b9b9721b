internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The making of an archive: what it will hold is laid out, blocks are coded as workers finish them, and the index comes last.
struct ArchiveRun {
  private var plan: Plan
  private let output: Plan.Output
  private let archive: ArchivePlan
  private let folder: OutputFolder
  private let journal: OutputJournal
  private let progress: Progress
  /// What earlier runs have made of the archive, or of attempts at it.
  private var earlier: ArraySlice<JournalEntry>
  /// Bytes that an earlier run had written.
  private(set) var keptBytes = 0
  /// What checks the bases of archives that are read; until all of it has been archived once.
  private var check: RestoreCheck?
  /// What of the results is no finite number.
  private let counts: NumberCounts

  init(
    _ plan: Plan, _ output: Plan.Output, _ archive: ArchivePlan, _ folder: OutputFolder, _ journal: OutputJournal,
    _ progress: Progress, _ check: RestoreCheck?, _ counts: NumberCounts
  ) {
    self.check = check
    self.counts = counts
    self.journal = journal
    earlier = journal.archiving[...]
    self.plan = plan
    self.output = output
    self.archive = archive
    self.folder = folder
    self.progress = progress
  }

  /// Writes the archive into the folder; gives back its size.
  mutating func write(report: () -> Void) throws(PipelineError) -> Int {
    guard let budget = archive.budget else { return try attempt(report) }
    return try write(within: budget.bytes, budget.nodes, report)
  }

  /// Writes the archive with what the nodes' parameters are now.
  mutating func attempt(_ report: () -> Void) throws(PipelineError) -> Int {
    let tuned = archive.tuned.flatMap { plan.graph.sources[$0].checkpoint }
    let base = archive.base.flatMap { plan.graph.sources[$0].checkpoint }
    let writer = try Plan.run { () throws(CheckpointError) in
      var shards: [ArchiveLayout.Shard] = []
      var sideFiles: [ArchiveLayout.SideFile] = []
      if let tuned {
        shards = try ArchiveLayout.shards(of: tuned)
        sideFiles = try ArchiveLayout.sideFiles(of: tuned, base: base)
      }
      let layout = try ArchiveLayout(
        kind: archive.kind, tensors: archive.tensors.map(entry), shards: shards, sideFiles: sideFiles,
        metadata: Dictionary(archive.facts.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }))
      let writer = try ArchiveWriter(folder: folder, name: folder.finalName, layout: layout)
      if let tuned { try writer.appendSideFiles(from: tuned.folder) }
      return writer
    }
    counts.removeAll()
    let kept = try keep(writer)
    let journal = journal
    let work = ArchiveWork(
      archive, plan.graph, writer, limit: 2 * plan.sizes.workers, kept: kept.count, check, counts
    ) { (tensor) throws(CheckpointError) in try journal.append(.archived(tensor)) }
    if !work.units.isEmpty {
      let known = try ModelSweeps(plan, output, progress).run(report: report)
      try Crew(plan, task(known, work), progress: progress).run(report: report)
    }
    check = nil
    return try Plan.run { () throws(CheckpointError) in try finish(writer, work, kept) }
  }

  /// The size that an earlier run came to in the attempt that is next, where it went on to another.
  mutating func earlierAttempt() -> Int? {
    guard let place = earlier.firstIndex(where: { if case .attempt = $0 { true } else { false } }),
      case .attempt(let byteCount) = earlier[place]
    else { return nil }
    earlier = earlier[(place + 1)...]
    return byteCount
  }

  /// Notes what an attempt came to, before the file is removed to make another.
  func note(attempt byteCount: Int) throws(PipelineError) { try journal.note(.attempt(byteCount: byteCount)) }

  /// Goes past the tensors that an earlier run has appended; their hashes, from the first tensor on.
  private mutating func keep(_ writer: ArchiveWriter) throws(PipelineError) -> [ArchiveHashes] {
    var kept: [ArchiveHashes] = []
    let bench = try Plan.run { () throws(CheckpointError) in try CodingBench() }
    for case .archived(let tensor) in earlier {
      if progress.isInterrupted { throw PipelineError(.interrupted, "interrupted") }
      let count = tensor.byteCounts.reduce(0, +)
      // Tensors without elements have no blocks, and are not noted.
      let empty = archive.tensors[min(kept.count, archive.tensors.count)...].prefix { $0.unitCount == 0 }.count
      guard tensor.tensor == kept.count + empty else { break }
      let isSound = try Plan.run { () throws(CheckpointError) in try writer.keep(tensor) }
      guard isSound else { break }
      for number in kept.count..<tensor.tensor { kept.append(archive.hashes(of: number, nil)) }
      kept.append(tensor.hashes)
      keptBytes += count
      progress.addSkipped(count)
      let info = archive.tensors[tensor.tensor].info
      let (nans, infinities) = (min(tensor.nanCount, info.elementCount), min(tensor.infinityCount, info.elementCount))
      counts.add(NumberCounts.Count(nans: nans, infinities: infinities), of: tensor.tensor)
      try check?.take(tensor.tensor, info, 0..<info.byteCount, bench, result: nil)
    }
    earlier = []
    return kept
  }

  // MARK: - What choosing densities needs

  var surveyed: Plan { plan }

  mutating func setDensities(_ densities: [String: Double], of node: Int) {
    plan = plan.setting(densities, of: node)
  }

  func crew(_ task: Crew.Task, _ report: () -> Void) throws(PipelineError) {
    try Crew(plan, task, progress: progress).run(report: report)
  }

  func discard() throws(PipelineError) {
    try Plan.run { () throws(CheckpointError) in try folder.discardFile(folder.finalName) }
  }

  /// A tensor as the layout takes it.
  private func entry(_ tensor: ArchivePlan.Tensor) -> ArchiveLayout.Tensor {
    let base = tensor.base.map { operand -> ArchiveBase in
      let info = plan.graph.info(of: operand)
      return ArchiveBase(
        dtype: info.dtype, rowCount: info.shape == tensor.info.shape ? nil : info.shape.extents.first)
    }
    return ArchiveLayout.Tensor(info: tensor.info, coding: tensor.coding, base: base)
  }

  private func task(_ known: ModelStatistics, _ work: ArchiveWork) -> Crew.Task {
    let plan = plan
    let archive = archive
    return Crew.Task(
      jobCount: archive.tensors.count,
      prepare: { (number) throws(PipelineError) in
        let tensor = archive.tensors[number]
        guard let value = tensor.value else {
          return Job(inputs: plan.graph.inputs(tensor.base.map { [$0] } ?? []), computation: nil)
        }
        return plan.job(value, tensor.valueName, tensor.computedInfo, known)
      }, work: work)
  }

  private func finish(
    _ writer: ArchiveWriter, _ work: ArchiveWork, _ kept: [ArchiveHashes]
  ) throws(CheckpointError) -> Int {
    let made = archive.tensors.indices.dropFirst(kept.count).map { archive.hashes(of: $0, work.hasher) }
    try writer.finish(hashes: kept + made)
    return try InputFile(path: writer.path).byteCount
  }
}

extension ArchivePlan {
  /// The hashes of a tensor, all of whose bytes have been given to the hasher: results first, then bases.
  ///
  /// - Parameter hasher: `nil` for a tensor without elements.
  func hashes(of tensor: Int, _ hasher: TensorHasher?) -> ArchiveHashes {
    func hash(_ place: Int) -> Hash128? { hasher.map { $0.hash(of: place) } ?? TensorHasher.hash(of: []) }
    return ArchiveHashes(
      base: tensors[tensor].base.flatMap { _ in hash(tensors.count + tensor) },
      result: hasResults ? hash(tensor) : nil)
  }
}

extension ArchivePlan.Tensor {
  /// How the container is to take it.
  var coding: ArchiveCoding {
    switch content {
    case .same: .same
    case .exact(_, _, .stored): .stored
    case .exact(_, _, .lossless): .lossless
    case .exact(_, _, .sparse): .sparse(isExact: true)
    case .prepared(_, _, let coding):
      switch coding {
      case .ternary(let codec): (codec ?? .ternary).plainCoding
      case .sign: .sign
      case .seeded(let mask): .seeded(mask)
      case .dare(let mask): .dare(mask)
      case .sparse: .sparse(isExact: false)
      case .dense(let dtype): .dense(dtype)
      case .lowrank: .lowrank(rank: 1)
      }
    }
  }
}

extension ArchiveCodec {
  /// The coding of a ternary codec, which has nothing but its number.
  var plainCoding: ArchiveCoding {
    switch self {
    case .ternaryPlane: .ternaryPlane
    case .ternaryContext: .ternaryContext
    default: .ternary
    }
  }
}

extension Plan {
  /// The work on a tensor of a value: an evaluation with the model's statistics given, or a copy where the value is one.
  func job(_ value: ValueIndex, _ name: String, _ info: TensorInfo, _ known: ModelStatistics) -> Job {
    let lowered = graph.lower(value, name)
    switch lowered.content {
    case .copy(let operand): return Job(inputs: graph.inputs([operand]), computation: nil)
    case .value(let expression):
      if let slot = expression.inputSlot, graph.storedType(of: lowered.operands[slot]) == info.dtype {
        return Job(inputs: graph.inputs([lowered.operands[slot]]), computation: nil)
      }
      return job(expression, lowered.operands, info, known)
    }
  }

  /// The work on a tensor of an output.
  func job(_ output: Output, tensor number: Int, _ known: ModelStatistics) -> Job {
    let tensor = output.tensors[number]
    guard let expression = tensor.expression?.value else {
      return job(output.value, output.names[number], tensor.info, known)
    }
    return job(expression, tensor.operands, tensor.info, known)
  }

  private func job(
    _ expression: Value, _ operands: [Operand], _ info: TensorInfo, _ known: ModelStatistics
  ) -> Job {
    let frame = graph.frame(info.shape, operands, forcesDouble: forcesDouble)
    return Job(
      inputs: graph.inputs(operands), computation: Computation(applying: expression, over: frame, model: known))
  }
}

extension GraphPlan {
  /// The type in which an operand's elements are at hand as bytes; `nil` where they must be computed.
  func storedType(of operand: Operand) -> DType? {
    if adapted(operand) != nil || gathered(operand) != nil { return nil }
    guard let coded = coded(operand) else { return info(of: operand).dtype }
    return coded.form == .elements ? coded.tensor.info.dtype : nil
  }
}
