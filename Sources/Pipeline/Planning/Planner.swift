internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension Plan {
  /// Opens the sources of a pipeline and works out everything that headers can tell.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong, found before a weight is read.
  public static func make(_ spec: PipelineSpec, options: RunOptions = RunOptions()) throws(PipelineError) -> Plan {
    var planner = Planner(spec: spec, options: options)
    return try planner.plan()
  }
}

struct Planner {
  let spec: PipelineSpec
  let options: RunOptions
  var diagnostics: [Diagnostic] = []
  var warnings: [Diagnostic]
  var estimator: CostEstimator

  /// How many tensors a node's failure is reported for.
  static let listed = 3

  init(spec: PipelineSpec, options: RunOptions) {
    self.spec = spec
    self.options = options
    estimator = CostEstimator(tileLength: options.tileLength, rankStep: options.rankStep)
    warnings = spec.warnings
  }

  mutating func plan() throws(PipelineError) -> Plan {
    checkOptions()
    var sources = openSources()
    let coefficients = openCoefficients()
    try throwIfWrong()
    let alignment = align(&sources)
    try throwIfWrong()
    var resolver = GraphResolver(
      spec, sources: sources, coefficients: coefficients, alignment: alignment, options)
    resolver.resolve()
    diagnostics += resolver.diagnostics
    warnings += resolver.warnings
    try throwIfWrong()
    var graph = resolver.plan
    let forcesDouble = forcesDouble(graph, resolver)
    var outputs: [Plan.Output] = []
    var largest = Largest()
    for (number, output) in spec.outputs.enumerated() {
      guard let value = resolver.place(of: output.from) else { continue }
      if let archive = output.archive {
        let base = archive.base.flatMap(resolver.place(of:))
        let made = archiveOutput(output, archive, "output \(number + 1)", value, base, &graph, forcesDouble, &largest)
        if let made { outputs.append(made) }
      } else {
        outputs.append(self.output(output, value, graph, forcesDouble, &largest))
      }
    }
    try throwIfWrong()
    checkSpace(outputs)
    let sizes = WorkSizes(
      memory: options.memory, threads: options.threads, slots: largest.slots,
      workerBytes: largest.registers + largest.coded, held: largest.held, claimed: largest.claimed + largest.matrix,
      factors: largest.factors, shared: alignment?.mapBytes ?? 0, leastBlock: leastBlock)
    if sizes.total > options.memory {
      diagnostics.append(
        Diagnostic(
          "the run needs \(Quantity.binaryText(sizes.total)) for \(options.threads) threads and \(largest.slots) inputs of a tensor, "
            + (largest.factors > 0
              ? "with \(Quantity.binaryText(largest.factors)) of factors for the adapters of \(MessageText.quoted(largest.factorsOf)), "
              : "")
            + "budget is \(Quantity.binaryText(options.memory)); raise --memory or lower --threads", file: spec.file))
    }
    try throwIfWrong()
    return Plan(
      spec: spec, outputs: outputs, options: options, workingSet: sizes.total, warnings: warnings, graph: graph,
      forcesDouble: forcesDouble, sizes: sizes)
  }

  /// Brings all models to the pipeline's vocabulary, where it has one.
  private mutating func align(_ sources: inout [OpenSource]) -> Alignment? {
    guard let tokenizer = spec.tokenizer else { return nil }
    var planner = VocabularyPlanner(spec, tokenizer, sources, memory: options.memory)
    let made = planner.plan()
    diagnostics += planner.diagnostics
    warnings += planner.warnings
    guard let made else { return nil }
    sources = made.sources
    return made.alignment
  }

  private func throwIfWrong() throws(PipelineError) {
    if !diagnostics.isEmpty { throw PipelineError(.request, diagnostics) }
  }

  private mutating func checkOptions() {
    if options.memory < RunOptions.leastMemory {
      diagnostics.append(
        Diagnostic(
          "--memory \(Quantity.binaryText(options.memory)) is too little, expected at least \(Quantity.binaryText(RunOptions.leastMemory))"
        ))
    }
    if !(1...1024).contains(options.threads) {
      diagnostics.append(Diagnostic("--threads is \(options.threads), expected 1 to 1024"))
    }
  }

  /// The smallest block that every output can do with.
  private var leastBlock: Int {
    spec.outputs.reduce(256 << 10) { least, output in
      switch output.destination {
      case .archive: max(least, ArchiveWork.workerBytes)
      case .digest: max(least, Digest.pieceBytes)
      case .folder, .file: least
      }
    }
  }

  /// Where a threshold is taken over a whole model of which a tensor is F64, all of it is computed in Double.
  private func forcesDouble(_ graph: GraphPlan, _ resolver: GraphResolver) -> Bool {
    guard graph.sources.contains(where: { $0.catalogue.tensors.contains { $0.dtype == .f64 } }) else {
      return false
    }
    return spec.outputs.contains { output in
      guard let value = resolver.place(of: output.from) else { return false }
      return graph.catalogue(of: value).tensors.contains { tensor in
        guard output.filter.admits(tensor.name), case .value(let value) = graph.lower(value, tensor.name).content else {
          return false
        }
        return value.modelSweepLevels > 0
      }
    }
  }

  func position(of node: String) -> Position? { spec.nodes.first { $0.name.name == node }?.name.position }

  /// Adds up what goes to each disk, and asks whether it fits.
  private mutating func checkSpace(_ outputs: [Plan.Output]) {
    var onDevice: [UInt64?: Int] = [:]
    // What unfinished runs into the same outputs hold is continued, or removed first.
    var held: [UInt64?: Int] = [:]
    for output in outputs {
      let path: String
      switch output.spec.destination {
      case .folder(let folder): path = folder
      case .file(let file), .archive(let file): path = file
      case .digest: continue
      }
      let needed = onDevice[device(of: path), default: 0] + output.bytesOut
      onDevice[device(of: path)] = needed
      held[device(of: path), default: 0] += OutputFolder.partialByteCount(of: path)
      guard let free = freeBytes(at: path), free + held[device(of: path), default: 0] < needed else { continue }
      let problem = Diagnostic(
        "output \(MessageText.quoted(path)) needs \(Quantity.text(needed)), \(Quantity.text(free)) are free; make room or write elsewhere",
        severity: options.requiresSpace ? .error : .warning, file: spec.file, position: output.spec.position)
      if options.requiresSpace { diagnostics.append(problem) } else { warnings.append(problem) }
    }
  }
}
