internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What stands beside the weights in a model folder, and what it is made from.
struct ModelSideFiles {
  static let pipelineName = "weir-pipeline.json"
  private static let configLimit = 16 << 20

  private let plan: Plan
  private let output: Plan.Output

  init(_ plan: Plan, _ output: Plan.Output) {
    self.plan = plan
    self.output = output
  }

  /// Writes all of them; notes say what may need a look.
  func add(to folder: OutputFolder, index: [UInt8]?) throws(CheckpointError) -> [String] {
    var notes: [String] = []
    if let index { try folder.addFile(OutputLayout.indexName, bytes: index) }
    if let donor = output.donor {
      let source = plan.graph.sources[donor]
      if let config = source.config {
        // It was there when the plan was made: whatever keeps it from being read now is an error.
        let bytes = try source.sideFile("config.json", maximumByteCount: Self.configLimit)
        var patch = ConfigPatch(dtype: commonDType)
        switch layerOrigins {
        case .kept: break
        case .renumbered(let sources):
          if let count = source.catalogue.layerCounts.values.max() {
            patch.layers = ConfigPatch.Layers(sourceCount: count, sources: sources)
          }
        case .unknown:
          notes.append(
            "config.json: layers were renamed before they were stacked, its layer count and lists are the source's; "
              + "set them by hand")
        }
        tokenizer?.prepare(&patch)
        let patched = patch.applied(to: config)
        notes += patched.notes
        try folder.addFile("config.json", bytes: patched.bytes(original: bytes))
        let template = chatTemplate(donor: donor)
        if let tokenizer {
          notes += try tokenizer.write(into: folder, template: template)
        } else {
          let replaced = template == nil ? [] : ChatTemplate.fileNames
          try source.copySideFiles(into: folder) { !replaced.contains($0) }
          if let template {
            try ChatTemplate.add(
              template, config: try? source.sideFile(ChatTemplate.configName, maximumByteCount: Self.configLimit),
              to: folder)
          }
        }
      }
    }
    try folder.addFile("README.md", bytes: card(folder).bytes)
    try folder.addFile(Self.pipelineName, bytes: plan.spec.text)
    return notes
  }

  /// The text of the template that the output asks for; `nil` where the donor's files are right as they are.
  private func chatTemplate(donor: Int) -> String? {
    switch output.spec.chatTemplate {
    case nil: return nil
    case .text(let text): return text
    case .auto:
      var counts: [(text: String, count: Int)] = []
      let sources = plan.graph.sources(under: output.value).filter { $0 != donor }
      for source in [donor] + sources {
        let template = ChatTemplate.template {
          try? plan.graph.sources[source].sideFile($0, maximumByteCount: Self.configLimit)
        }
        guard let template, !template.isEmpty else { continue }
        if let place = counts.firstIndex(where: { $0.text == template }) {
          counts[place].count += 1
        } else {
          counts.append((template, 1))
        }
      }
      // Of equal counts `max` would take the last.
      let most = counts.map(\.count).max()
      return counts.first { $0.count == most }?.text
    }
  }

  /// The tokenizer of the output, where all models were brought to one vocabulary.
  private var tokenizer: TokenizerFiles? {
    guard let alignment = plan.graph.alignment, let donor = output.donor else { return nil }
    return TokenizerFiles(alignment, donor: donor, plan.graph.sources)
  }

  /// The type of most of the written elements, if any tensor is of a type that arithmetic is done on.
  private var commonDType: DType? {
    var counts: [DType: Int] = [:]
    for tensor in output.tensors where tensor.info.dtype.isMergeable {
      counts[tensor.info.dtype, default: 0] += tensor.info.elementCount
    }
    return counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
  }

  /// What is known of where a value's layers come from.
  private enum LayerOrigins {
    /// No stack has touched them.
    case kept
    /// For each layer, the layer of the donor.
    case renumbered([Int])
    /// A stack took layers that a name before it had moved.
    case unknown
  }

  /// The layers of the output as those of its donor, through all stacks on the way there.
  ///
  /// Nodes stand after what they read, so that one walk over them in order is enough.
  private var layerOrigins: LayerOrigins {
    guard case .node(let target) = output.value else { return .kept }
    var known: [Int: LayerOrigins] = [:]
    func origins(_ index: ValueIndex) -> LayerOrigins {
      guard case .node(let number) = index else { return .kept }
      return known[number] ?? .kept
    }
    for number in plan.graph.nodes(under: output.value) {
      let node = plan.graph.nodes[number]
      known[number] = node.spec.parts.isEmpty ? node.lead.map(origins) ?? .kept : stacked(node, origins)
    }
    return known[target] ?? .kept
  }

  private func stacked(_ node: NodePlan, _ origins: (ValueIndex) -> LayerOrigins) -> LayerOrigins {
    var layers: [Int] = []
    for (part, input) in zip(node.spec.parts, node.models) {
      switch origins(input) {
      case .kept: layers += part.layers
      case .renumbered(let below):
        guard part.layers.upperBound <= below.count else { return .unknown }
        layers += below[part.layers]
      case .unknown: return .unknown
      }
    }
    return .renumbered(layers)
  }

  private func card(_ folder: OutputFolder) -> ModelCard {
    let nodes = plan.graph.nodes(under: output.value).map { plan.graph.nodes[$0].spec.op }
    var methods: [String] = []
    for method in nodes where !methods.contains(method) { methods.append(method) }
    return ModelCard(
      title: ModelCard.modelName(of: folder.finalPath),
      baseModels: plan.graph.sources(under: output.value).map {
        ModelCard.modelName(of: plan.graph.sources[$0].spec.path)
      },
      methods: methods, pipeline: String(decoding: plan.spec.text, as: UTF8.self))
  }
}
