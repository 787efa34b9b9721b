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

private struct Planner {
  let spec: PipelineSpec
  let options: RunOptions
  private var diagnostics: [Diagnostic] = []
  private var warnings: [Diagnostic]
  private var estimator: CostEstimator

  /// How many tensors a node's failure is reported for.
  private static let listed = 3

  init(spec: PipelineSpec, options: RunOptions) {
    self.spec = spec
    self.options = options
    estimator = CostEstimator(tileLength: options.tileLength)
    warnings = spec.warnings
  }

  mutating func plan() throws(PipelineError) -> Plan {
    checkOptions()
    let sources = openSources()
    try throwIfWrong()
    var resolver = GraphResolver(spec, sources: sources, memory: options.memory)
    resolver.resolve()
    diagnostics += resolver.diagnostics
    warnings += resolver.warnings
    try throwIfWrong()
    let graph = resolver.plan
    let forcesDouble = forcesDouble(graph, resolver)
    var outputs: [Plan.Output] = []
    var largest = Largest()
    for output in spec.outputs {
      guard let value = resolver.place(of: output.from) else { continue }
      if output.archive != nil {
        diagnostics.append(
          Diagnostic("output: archives are not written in this version", file: spec.file, position: output.position))
        continue
      }
      outputs.append(self.output(output, value, graph, forcesDouble, &largest))
    }
    try throwIfWrong()
    checkSpace(outputs)
    let hashes = spec.outputs.contains { if case .digest = $0.destination { true } else { false } }
    let sizes = WorkSizes(
      memory: options.memory, threads: options.threads, slots: largest.slots, registers: largest.registers,
      held: largest.held, claimed: largest.claimed, leastBlock: hashes ? DigestSink.pieceBytes : 256 << 10)
    if sizes.total > options.memory {
      diagnostics.append(
        Diagnostic(
          "the run needs \(Quantity.binaryText(sizes.total)) for \(options.threads) threads and \(largest.slots) inputs of a tensor, "
            + "budget is \(Quantity.binaryText(options.memory)); raise --memory or lower --threads", file: spec.file))
    }
    try throwIfWrong()
    return Plan(
      spec: spec, outputs: outputs, options: options, workingSet: sizes.total, warnings: warnings, graph: graph,
      forcesDouble: forcesDouble, sizes: sizes)
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

  private mutating func openSources() -> [OpenSource] {
    var sources: [OpenSource] = []
    for source in spec.sources {
      if case .archive = source.kind {
        diagnostics.append(
          Diagnostic(
            "source \(MessageText.quoted(source.name.name)): archives are not readable in this version",
            file: spec.file,
            position: source.name.position))
        continue
      }
      do {
        let checkpoint = try Checkpoint.open(
          source.path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
        for note in checkpoint.notes {
          warnings.append(
            Diagnostic(
              "source \(MessageText.quoted(source.name.name)): \(note)", severity: .warning, file: spec.file,
              position: source.name.position))
        }
        sources.append(OpenSource(spec: source, checkpoint: checkpoint))
      } catch {
        diagnostics.append(
          Diagnostic(
            "source \(MessageText.quoted(source.name.name)): \(error)", file: spec.file, position: source.name.position)
        )
      }
    }
    return sources
  }

  /// Where a threshold is taken over a whole model of which a tensor is F64, all of it is computed in Double.
  private func forcesDouble(_ graph: GraphPlan, _ resolver: GraphResolver) -> Bool {
    guard graph.sources.contains(where: { $0.checkpoint.catalogue.tensors.contains { $0.dtype == .f64 } }) else {
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

  /// What the largest tensor program needs.
  private struct Largest {
    var slots = 1
    var registers = 0
    var held = 0
    var claimed = 0
  }

  private mutating func output(
    _ output: OutputSpec, _ value: ValueIndex, _ graph: GraphPlan, _ forcesDouble: Bool, _ largest: inout Largest
  ) -> Plan.Output {
    var tensors: [Plan.Tensor] = []
    var names: [String] = []
    var seen: Set<String> = []
    var modelLevels = 0
    var hasBadName = false
    var modelSweeps = 0
    var failures: [String: Int] = [:]
    for tensor in graph.catalogue(of: value).tensors where output.filter.admits(tensor.name) {
      let lowered = graph.lower(value, tensor.name)
      if let failure = lowered.failure {
        failures[failure.node, default: 0] += 1
        if failures[failure.node, default: 0] <= Self.listed {
          let message =
            "node \(MessageText.quoted(failure.node)): tensor \(MessageText.quoted(failure.tensor)): \(failure.message)"
          if !diagnostics.contains(where: { $0.message == message }) {
            diagnostics.append(Diagnostic(message, file: spec.file, position: position(of: failure.node)))
          }
        }
        continue
      }
      let name = output.rename.apply(tensor.name)
      if !hasBadName, let complaint = TensorName.complaint([(tensor.name, name)]) {
        hasBadName = true
        diagnostics.append(Diagnostic("output: \(complaint)", file: spec.file, position: output.position))
      }
      if !hasBadName, !seen.insert(name).inserted {
        diagnostics.append(
          Diagnostic(
            "two tensors of the output get the name \(MessageText.quoted(name)); change \"rename\"", file: spec.file,
            position: output.position))
      }
      let dtype = tensor.dtype.isMergeable ? output.dtype.resolve(tensor.name) ?? tensor.dtype : tensor.dtype
      let info = TensorInfo(name: name, dtype: dtype, shape: tensor.shape)
      names.append(tensor.name)
      switch lowered.content {
      case .copy(let operand):
        tensors.append(
          Plan.Tensor(info: info, isCopy: true, passes: 1, inputBytes: info.byteCount, operands: [operand]))
      case .value(let expression):
        if let slot = expression.inputSlot, graph.info(of: lowered.operands[slot]).dtype == dtype {
          tensors.append(
            Plan.Tensor(
              info: info, isCopy: true, passes: 1, inputBytes: info.byteCount, operands: [lowered.operands[slot]]))
          continue
        }
        checkQuantisation(lowered.operands, graph, output)
        let frame = graph.frame(tensor.shape, lowered.operands, forcesDouble: forcesDouble)
        let cost = estimator.cost(of: expression, over: frame)
        modelLevels = max(modelLevels, expression.modelSweepLevels)
        modelSweeps = max(modelSweeps, cost.modelSweeps)
        largest.slots = max(largest.slots, lowered.operands.count)
        largest.registers = max(largest.registers, cost.registerBytes)
        largest.held = max(largest.held, cost.heldBytes)
        largest.claimed = max(largest.claimed, cost.claimedBytes)
        tensors.append(
          Plan.Tensor(
            info: info, isCopy: false, passes: 1 + cost.sweeps,
            inputBytes: lowered.operands.reduce(0) { $0 + graph.info(of: $1).byteCount }, operands: lowered.operands))
      }
    }
    for (node, count) in failures.sorted(by: { $0.key < $1.key }) where count > Self.listed {
      diagnostics.append(
        Diagnostic(
          "node \(MessageText.quoted(node)): \(count - Self.listed) more of its tensors fail for such a reason",
          file: spec.file,
          position: position(of: node)))
    }
    if tensors.isEmpty, diagnostics.isEmpty {
      diagnostics.append(
        Diagnostic(
          "the output has no tensors, expected at least one; change \"include\" and \"exclude\"",
          file: spec.file, position: output.position))
    }
    var fileName: String?
    if case .file(let path) = output.destination { fileName = path.split(separator: "/").last.map(String.init) }
    return Plan.Output(
      spec: output, tensors: tensors,
      layout: OutputLayout(tensors: tensors.map(\.info), shardBytes: output.shardBytes, fileName: fileName),
      modelSweeps: modelSweeps, modelLevels: modelLevels, value: value, names: names, donor: graph.donor(of: value))
  }

  /// A cast of quantised weights would be arithmetic on codes; a node's inputs have been checked already.
  private mutating func checkQuantisation(_ operands: [Operand], _ graph: GraphPlan, _ output: OutputSpec) {
    for operand in operands {
      let source = graph.sources[operand.source]
      guard let quantisation = source.checkpoint.quantisation else { continue }
      let problem = Diagnostic(
        "output casts \(MessageText.quoted(source.spec.name.name)), which is quantised: \(quantisation), expected plain weights; "
          + "leave \"dtype\" out to copy it", file: spec.file, position: output.position)
      if !diagnostics.contains(problem) { diagnostics.append(problem) }
    }
  }

  private func position(of node: String) -> Position? { spec.nodes.first { $0.name.name == node }?.name.position }

  /// Adds up what goes to each disk, and asks whether it fits.
  private mutating func checkSpace(_ outputs: [Plan.Output]) {
    var onDevice: [UInt64?: Int] = [:]
    for output in outputs {
      let path: String
      switch output.spec.destination {
      case .folder(let folder): path = folder
      case .file(let file), .archive(let file): path = file
      case .digest: continue
      }
      let needed = onDevice[device(of: path), default: 0] + output.bytesOut
      onDevice[device(of: path)] = needed
      guard let free = freeBytes(at: path), free < needed else { continue }
      let problem = Diagnostic(
        "output \(MessageText.quoted(path)) needs \(Quantity.text(needed)), \(Quantity.text(free)) are free; make room or write elsewhere",
        severity: options.requiresSpace ? .error : .warning, file: spec.file, position: output.spec.position)
      if options.requiresSpace { diagnostics.append(problem) } else { warnings.append(problem) }
    }
  }
}
