internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Finds every node's inputs and tensors, and everything in which the inputs disagree, from headers alone.
struct GraphResolver {
  let spec: PipelineSpec
  private(set) var plan: GraphPlan
  var diagnostics: [Diagnostic] = []
  private var places: [String: ValueIndex] = [:]
  private var vocabulary: VocabularyCheck

  /// How many tensors a message per node names one by one.
  private static let listed = 3

  /// What is odd and yet allowed.
  var warnings: [Diagnostic] { vocabulary.warnings + nodeWarnings }
  var nodeWarnings: [Diagnostic] = []

  init(
    _ spec: PipelineSpec, sources: [OpenSource], coefficients: [String: CoefficientFile], alignment: Alignment? = nil,
    _ options: RunOptions
  ) {
    self.spec = spec
    vocabulary = VocabularyCheck(memory: options.memory, file: spec.file)
    plan = GraphPlan(
      sources: sources, coefficients: coefficients, checksFinite: spec.nanPolicy == .error,
      searchBits: options.searchBits)
    plan.alignment = alignment
    for (index, source) in sources.enumerated() { places[source.spec.name.name] = .source(index) }
  }

  /// The place of a source or node; the parser has checked that every name has one.
  func place(of reference: Reference) -> ValueIndex? { places[reference.name] }

  mutating func resolve() {
    for node in spec.nodes {
      guard let method = MethodRegistry.method(named: node.op) else { continue }
      let resolved = node.parts.isEmpty ? merging(node, method) : stacking(node, method)
      guard var resolved else { continue }
      resolved.sides = sides(of: resolved)
      places[node.name.name] = .node(plan.nodes.count)
      plan.nodes.append(resolved)
      checkQuantisation(resolved)
      if plan.alignment == nil { diagnostics += vocabulary.diagnostics(resolved, plan) }
    }
  }

  // MARK: - Methods

  private mutating func merging(_ node: NodeSpec, _ method: any Method.Type) -> NodePlan? {
    let base = node.base.flatMap(place(of:))
    let models = node.models.compactMap { place(of: $0.from) }
    guard models.count == node.models.count, let lead = base ?? models.first else { return nil }
    let catalogue = plan.catalogue(of: lead)
    var problems = Problems()
    var tensors: [TensorInfo] = []
    var origins: [NodePlan.Origin] = []
    var merged = 0
    var elements = 0
    for tensor in catalogue.tensors {
      let isMerged = node.filter.admits(tensor.name) && tensor.dtype.isMergeable
      if isMerged { check(tensor, node, models, lead, &problems) }
      origins.append(NodePlan.Origin(lead: lead, name: tensor.name, mergedIndex: isMerged ? merged : nil))
      tensors.append(TensorInfo(name: node.rename.apply(tensor.name), dtype: tensor.dtype, shape: tensor.shape))
      if isMerged {
        merged += 1
        elements += tensor.elementCount
      }
    }
    if merged == 0, node.filter != .all, !catalogue.tensors.isEmpty {
      nodeWarnings.append(
        Diagnostic(
          "node \(MessageText.quoted(node.name.name)) merges nothing: its \"include\" and \"exclude\" leave no tensor of "
            + "\(MessageText.quoted(plan.name(of: lead)))", severity: .warning, file: spec.file,
          position: node.name.position))
    }
    addExtras(node, models, lead, &problems, &tensors, &origins)
    report(problems, node)
    reportNames(tensors, origins, node)
    return NodePlan(
      spec: node, method: method, base: base, models: models,
      modelIsDelta: node.models.map {
        node.declaration.signature == .taskVectors && spec.space(of: $0.from.name) == .delta
      },
      catalogue: Catalogue(tensors), origins: origins, mergedElementCount: elements)
  }

  /// Compares a tensor of the lead with those of the models.
  private func check(
    _ tensor: TensorInfo, _ node: NodeSpec, _ models: [ValueIndex], _ lead: ValueIndex, _ problems: inout Problems
  ) {
    for index in models where index != lead {
      guard let other = plan.catalogue(of: index)[tensor.name] else {
        if node.onMissing == .error, !plan.isTiedHead(tensor.name, index) {
          problems.missing[plan.name(of: index), default: []].append(tensor.name)
        }
        continue
      }
      if other.shape != tensor.shape {
        if node.onMismatch == .error {
          problems.shapes.append((tensor, plan.name(of: lead), other, plan.name(of: index)))
        }
      } else if !other.dtype.isMergeable {
        problems.dtypes.append((other, plan.name(of: index)))
      }
    }
  }

  /// Tensors that a model has and the lead has not: an error, or copied from the first model that has them.
  private func addExtras(
    _ node: NodeSpec, _ models: [ValueIndex], _ lead: ValueIndex, _ problems: inout Problems,
    _ tensors: inout [TensorInfo], _ origins: inout [NodePlan.Origin]
  ) {
    let catalogue = plan.catalogue(of: lead)
    var added: Set<String> = []
    for index in models where index != lead {
      for tensor in plan.catalogue(of: index).tensors
      where catalogue[tensor.name] == nil && node.filter.admits(tensor.name) {
        if plan.isTiedHead(tensor.name, lead) { continue }
        if node.onMissing == .error {
          problems.missing[plan.name(of: lead), default: []].append(tensor.name)
        } else if added.insert(tensor.name).inserted {
          tensors.append(TensorInfo(name: node.rename.apply(tensor.name), dtype: tensor.dtype, shape: tensor.shape))
          origins.append(NodePlan.Origin(lead: index, name: tensor.name, mergedIndex: nil))
        }
      }
    }
  }

  // MARK: - Reports

  /// What is wrong with a node's tensors, before it is put into a few sentences.
  private struct Problems {
    var missing: [String: [String]] = [:]
    var shapes: [(TensorInfo, String, TensorInfo, String)] = []
    var dtypes: [(TensorInfo, String)] = []
  }

  private mutating func report(_ problems: Problems, _ node: NodeSpec) {
    for (input, names) in problems.missing.sorted(by: { $0.key < $1.key }) {
      let list = names.prefix(Self.listed).map(MessageText.quoted).joined(separator: ", ")
      let more = names.count > Self.listed ? " and \(names.count - Self.listed) more" : ""
      diagnose(
        "node \(MessageText.quoted(node.name.name)): \(MessageText.quoted(input)) lacks \(list)\(more), expected the same tensors in all inputs; "
          + "use \"on_missing\": \"skip_model\", or \"include\" and \"exclude\"", node)
    }
    for (a, first, b, second) in problems.shapes.prefix(Self.listed) {
      let isVocabulary =
        VocabularyCheck.isVocabularyTensor(a.name) && a.shape.extents.dropFirst() == b.shape.extents.dropFirst()
      diagnose(
        "node \(MessageText.quoted(node.name.name)): tensor \(MessageText.quoted(a.name)) has shape \(a.shape) in \(MessageText.quoted(first)) and \(b.shape) in \(MessageText.quoted(second)), "
          + (isVocabulary
            ? "expected one vocabulary; bring all models to one with \"tokenizer\", or exclude the tensor, so that it comes from \(MessageText.quoted(first))"
            : "expected equal shapes; use \"on_mismatch\": \"skip_model\", or \"exclude\""),
        node)
    }
    if problems.shapes.count > Self.listed {
      diagnose(
        "node \(MessageText.quoted(node.name.name)): \(problems.shapes.count - Self.listed) more tensors differ in shape",
        node)
    }
    for (tensor, input) in problems.dtypes.prefix(Self.listed) {
      diagnose(
        "node \(MessageText.quoted(node.name.name)): tensor \(MessageText.quoted(tensor.name)) is \(tensor.dtype.rawValue) in \(MessageText.quoted(input)), "
          + "expected F64, F32, F16 or BF16; dequantise the model first, or exclude the tensor", node)
    }
  }

  /// Names that a node gives twice, or that no reader would take.
  mutating func reportNames(_ tensors: [TensorInfo], _ origins: [NodePlan.Origin], _ node: NodeSpec) {
    if let complaint = TensorName.complaint(zip(tensors, origins).lazy.map { ($1.name, $0.name) }) {
      diagnose("node \(MessageText.quoted(node.name.name)): \(complaint)", node)
      return
    }
    var seen: Set<String> = []
    if let twice = tensors.first(where: { !seen.insert($0.name).inserted }) {
      diagnose(
        "node \(MessageText.quoted(node.name.name)): two tensors get the name \(MessageText.quoted(twice.name)), expected different names; change \"rename\"",
        node)
    }
  }

  /// Arithmetic on quantised weights would be arithmetic on codes.
  private mutating func checkQuantisation(_ node: NodePlan) {
    guard node.origins.contains(where: { $0.mergedIndex != nil }) else { return }
    for case .source(let source) in Set((node.base.map { [$0] } ?? []) + node.models) {
      guard let quantisation = plan.sources[source].quantisation else { continue }
      diagnose(
        "node \(MessageText.quoted(node.spec.name.name)): \(MessageText.quoted(plan.sources[source].spec.name.name)) is quantised: \(quantisation), "
          + "expected plain weights; dequantise it, or use the checkpoint that it was made from", node.spec)
    }
  }

  mutating func diagnose(_ message: String, _ node: NodeSpec) {
    diagnostics.append(Diagnostic(message, file: spec.file, position: node.name.position))
  }
}
