internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What stands beside the weights in a model folder, and what it is made from.
struct ModelSideFiles {
  static let pipelineName = "weir-pipeline.json"

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
      let checkpoint = plan.graph.sources[donor].checkpoint
      if let config = checkpoint.config, let bytes = checkpoint.configBytes {
        let patched = ConfigPatch(dtype: commonDType, layers: layers(donor)).applied(to: config)
        notes += patched.notes
        try folder.addFile("config.json", bytes: patched.bytes(original: bytes))
        try SideFiles.copy(from: checkpoint.folder, into: folder)
      }
    }
    try folder.addFile("README.md", bytes: card(folder).bytes)
    try folder.addFile(Self.pipelineName, bytes: plan.spec.text)
    return notes
  }

  /// The type of most of the written elements, if any tensor is of a type that arithmetic is done on.
  private var commonDType: DType? {
    var counts: [DType: Int] = [:]
    for tensor in output.tensors where tensor.info.dtype.isMergeable {
      counts[tensor.info.dtype, default: 0] += tensor.info.elementCount
    }
    return counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
  }

  /// The source layer of each output layer, where a stack has renumbered them.
  private func layers(_ donor: Int) -> ConfigPatch.Layers? {
    guard let sources = layers(of: output.value),
      let count = plan.graph.sources[donor].checkpoint.catalogue.layerCounts.values.max()
    else { return nil }
    return ConfigPatch.Layers(sourceCount: count, sources: sources)
  }

  /// The layers of a value as those of its donor, through all stacks on the way there; `nil` where there is none.
  private func layers(of index: ValueIndex) -> [Int]? {
    guard case .node(let number) = index else { return nil }
    let node = plan.graph.nodes[number]
    guard !node.spec.parts.isEmpty else { return node.lead.flatMap(layers(of:)) }
    return zip(node.spec.parts, node.models).flatMap { part, input in
      let below = layers(of: input)
      return part.layers.map { below?[$0] ?? $0 }
    }
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
