internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension Planner {
  /// What the largest tensor program needs.
  struct Largest {
    var slots = 1
    var registers = 0
    /// Bytes that a worker needs to decode and code blocks of archives.
    var coded = 0
    /// Bytes that decomposing the largest matrix takes.
    var matrix = 0
    /// Bytes of the adapters' factors of a tensor, and its name.
    var factors = 0
    var factorsOf = ""
    var held = 0
    var claimed = 0
  }

  mutating func output(
    _ output: OutputSpec, _ value: ValueIndex, _ graph: GraphPlan, _ forcesDouble: Bool, _ largest: inout Largest
  ) -> Plan.Output {
    var tensors: [Plan.Tensor] = []
    var names: [String] = []
    var seen: Set<String> = []
    var levels = ModelLevels()
    var hasBadName = false
    var failures: [String: Int] = [:]
    var doubts = Doubts()
    for tensor in graph.catalogue(of: value).tensors where output.filter.admits(tensor.name) {
      let lowered = graph.lower(value, tensor.name)
      guard !report(lowered.failure, &failures) else { continue }
      doubts.take(lowered.warning)
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
      let planned = self.tensor(info, lowered, graph, forcesDouble, &largest)
      if !planned.isCopy { checkQuantisation(lowered.operands, graph, output) }
      tensors.append(planned)
      if case .value(let expression) = lowered.content { levels.take(expression) }
    }
    reportRest(failures)
    for doubt in doubts.first {
      let others = doubts.counts[doubt.node, default: 1] - 1
      let text =
        "node \(MessageText.quoted(doubt.node)): tensor \(MessageText.quoted(doubt.tensor))"
        + (others > 0 ? " and \(others) more" : "") + ": \(doubt.message)"
      if !warnings.contains(where: { $0.message == text }) {
        warnings.append(Diagnostic(text, severity: .warning, file: spec.file, position: position(of: doubt.node)))
      }
    }
    if tensors.isEmpty, diagnostics.isEmpty {
      diagnostics.append(
        Diagnostic(
          "the output has no tensors, expected at least one; change \"include\" and \"exclude\"",
          file: spec.file, position: output.position))
    }
    var fileName: String?
    if case .file(let path) = output.destination { fileName = path.split(separator: "/").last.map(String.init) }
    let restored = restoredLayout(output, value, graph)
    return Plan.Output(
      spec: output, tensors: tensors,
      layout: restored
        ?? OutputLayout(tensors: tensors.map(\.info), shardBytes: output.shardBytes, fileName: fileName),
      isRestored: restored != nil, archive: nil, modelSweeps: levels.sweeps, modelLevels: levels.depth, values: [value],
      value: value, names: names, donor: graph.donor(of: output.donor.flatMap { graph.place(named: $0.name) } ?? value))
  }

  /// What is likely not meant, of each node the first tensor and how many there are.
  private struct Doubts {
    var first: [(node: String, tensor: String, message: String)] = []
    var counts: [String: Int] = [:]

    mutating func take(_ warning: (node: String, tensor: String, message: String)?) {
      guard let warning else { return }
      counts[warning.node, default: 0] += 1
      if counts[warning.node] == 1 { first.append(warning) }
    }
  }

  /// Adds up what decomposing a matrix takes, and refuses one that the budget has no room for.
  private mutating func checkMatrix(_ info: TensorInfo, _ output: OutputSpec, _ largest: inout Largest) {
    let needed = LowRankFactors.workingBytes(rows: info.shape.rowCount, columns: info.shape.rowLength)
    largest.matrix = max(largest.matrix, needed)
    guard options.threads * needed > options.memory else { return }
    diagnostics.append(
      Diagnostic(
        "output: tensor \(MessageText.quoted(info.name)) of shape \(info.shape) is decomposed in memory, which takes "
          + "\(Quantity.binaryText(options.threads * needed)) on \(options.threads) threads, budget is "
          + "\(Quantity.binaryText(options.memory)); raise --memory, lower --threads, or give the tensor another codec",
        file: spec.file, position: output.position))
  }

  /// The longest chain of statistics of the whole model, and the sweeps that it takes.
  private struct ModelLevels {
    var depth = 0
    var sweeps = 0

    mutating func take(_ value: Value) {
      guard value.modelSweepLevels > 0 else { return }
      depth = max(depth, value.modelSweepLevels)
      sweeps = max(sweeps, value.expectedModelSweeps)
    }
  }

  /// What an output tensor takes, and what it is made from.
  private mutating func tensor(
    _ info: TensorInfo, _ lowered: LoweredTensor, _ graph: GraphPlan, _ forcesDouble: Bool, _ largest: inout Largest
  ) -> Plan.Tensor {
    let adapted = lowered.operands.compactMap(graph.adapted)
    let factors = adapted.reduce(0) { $0 + $1.factorBytes }
    if factors > largest.factors { (largest.factors, largest.factorsOf) = (factors, info.name) }
    largest.coded = max(
      largest.coded,
      lowered.operands.reduce(0) { $0 + (graph.coded($1)?.heldBytes ?? 0) } + adapted.reduce(0) { $0 + $1.heldBytes }
        + lowered.operands.reduce(0) { $0 + (graph.gathered($1)?.heldBytes ?? 0) })
    let inputBytes = lowered.operands.reduce(0) { $0 + graph.inputBytes(of: $1) }
    switch lowered.content {
    case .copy(let operand):
      largest.coded = max(largest.coded, graph.coded(operand)?.heldBytes ?? 0)
      return Plan.Tensor(
        info: info, isCopy: true, passes: 1, inputBytes: graph.inputBytes(of: operand), operands: [operand])
    case .value(let expression):
      if let slot = expression.inputSlot, graph.storedType(of: lowered.operands[slot]) == info.dtype {
        return Plan.Tensor(
          info: info, isCopy: true, passes: 1, inputBytes: inputBytes, operands: [lowered.operands[slot]])
      }
      let frame = graph.frame(info.shape, lowered.operands, forcesDouble: forcesDouble)
      let (cost, twin) = estimator.cost(of: expression, over: frame)
      largest.slots = max(largest.slots, lowered.operands.count)
      largest.registers = max(largest.registers, cost.registerBytes)
      largest.held = max(largest.held, cost.heldBytes)
      largest.claimed = max(largest.claimed, cost.claimedBytes)
      return Plan.Tensor(
        info: info, isCopy: false, passes: 1 + cost.sweeps, inputBytes: inputBytes, operands: lowered.operands,
        expression: twin)
    }
  }

  /// Reports a node's failure on a tensor, the first few of each node one by one; whether there is one.
  private mutating func report(
    _ failure: (node: String, tensor: String, message: String)?, _ failures: inout [String: Int]
  ) -> Bool {
    guard let failure else { return false }
    failures[failure.node, default: 0] += 1
    if failures[failure.node, default: 0] <= Self.listed {
      let message =
        "node \(MessageText.quoted(failure.node)): tensor \(MessageText.quoted(failure.tensor)): \(failure.message)"
      if !diagnostics.contains(where: { $0.message == message }) {
        diagnostics.append(Diagnostic(message, file: spec.file, position: position(of: failure.node)))
      }
    }
    return true
  }

  /// Says of how many more tensors the nodes failed.
  private mutating func reportRest(_ failures: [String: Int]) {
    for (node, count) in failures.sorted(by: { $0.key < $1.key }) where count > Self.listed {
      diagnostics.append(
        Diagnostic(
          "node \(MessageText.quoted(node)): \(count - Self.listed) more of its tensors fail for such a reason",
          file: spec.file, position: position(of: node)))
    }
  }

  // MARK: - Archives

  /// The files of the checkpoint that an archive was made from, where an output is that checkpoint and nothing else.
  private func restoredLayout(_ output: OutputSpec, _ value: ValueIndex, _ graph: GraphPlan) -> OutputLayout? {
    guard case .source(let source) = value, graph.sources[source].archive?.givesResult == true,
      let archive = graph.sources[source].archive?.archive, !archive.shards.isEmpty, output.filter == .all,
      output.rename.isEmpty, output.dtype == .same,
      output.shardBytes == OutputSpec.defaultShardBytes
    else { return nil }
    let tensors = archive.tensors.map(\.info)
    switch output.destination {
    case .folder: return OutputLayout(restoring: archive.shards, tensors)
    case .file(let path) where archive.shards.count == 1:
      return OutputLayout(
        restoring: archive.shards, tensors, fileName: path.split(separator: "/").last.map(String.init))
    case .file, .digest, .archive: return nil
    }
  }

  /// An output that is an archive, with the nodes that it needs added to the graph.
  mutating func archiveOutput(
    _ output: OutputSpec, _ archive: ArchiveSpec, _ name: String, _ value: ValueIndex, _ base: ValueIndex?,
    _ graph: inout GraphPlan, _ forcesDouble: Bool, _ largest: inout Largest
  ) -> Plan.Output? {
    var baseSource: Int?
    if case .source(let source)? = base { baseSource = source }
    var planner = ArchivePlanner(
      output, archive, name: name, from: value, base: baseSource, isDelta: spec.space(of: output.from.name) == .delta,
      graph)
    guard let made = planner.plan() else {
      diagnostics += planner.problems.map { Diagnostic($0.message, file: spec.file, position: $0.position) }
      return nil
    }
    graph = planner.graph
    var tensors: [Plan.Tensor] = []
    var levels = ModelLevels()
    var failures: [String: Int] = [:]
    for tensor in made.tensors {
      let baseBytes = tensor.base.map { graph.info(of: $0).byteCount } ?? 0
      largest.coded = max(largest.coded, ArchiveWork.heldBytes)
      guard let value = tensor.value else {
        tensors.append(
          Plan.Tensor(
            info: tensor.info, isCopy: true, passes: 1, inputBytes: baseBytes, operands: tensor.base.map { [$0] } ?? [])
        )
        continue
      }
      if case .prepared(_, _, .lowrank) = tensor.content { checkMatrix(tensor.info, output, &largest) }
      let lowered = graph.lower(value, tensor.valueName)
      guard !report(lowered.failure, &failures) else { continue }
      let planned = self.tensor(tensor.computedInfo, lowered, graph, forcesDouble, &largest)
      if case .value(let expression) = lowered.content { levels.take(expression) }
      tensors.append(
        Plan.Tensor(
          info: tensor.info, isCopy: planned.isCopy, passes: planned.passes, inputBytes: planned.inputBytes,
          operands: planned.operands))
    }
    reportRest(failures)
    if tensors.isEmpty, diagnostics.isEmpty {
      diagnostics.append(
        Diagnostic(
          "the output has no tensors, expected at least one; change \"include\" and \"exclude\"", file: spec.file,
          position: output.position))
    }
    return Plan.Output(
      spec: output, tensors: tensors, layout: OutputLayout(tensors: [], shardBytes: 1), isRestored: false,
      archive: made,
      modelSweeps: levels.sweeps, modelLevels: levels.depth, values: made.values, value: value,
      names: made.tensors.map(\.valueName), donor: nil)
  }

  /// A cast of quantised weights would be arithmetic on codes; a node's inputs have been checked already.
  private mutating func checkQuantisation(_ operands: [Operand], _ graph: GraphPlan, _ output: OutputSpec) {
    for operand in operands {
      let source = graph.sources[operand.source]
      guard let quantisation = source.quantisation else { continue }
      let problem = Diagnostic(
        "output casts \(MessageText.quoted(source.spec.name.name)), which is quantised: \(quantisation), expected plain weights; "
          + "leave \"dtype\" out to copy it", file: spec.file, position: output.position)
      if !diagnostics.contains(problem) { diagnostics.append(problem) }
    }
  }
}
