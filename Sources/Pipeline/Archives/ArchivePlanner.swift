#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Decides how each tensor of an archive output is coded, and adds the nodes that compute what is coded.
struct ArchivePlanner {
  private let output: OutputSpec
  private let spec: ArchiveSpec
  /// What diagnostics and nodes call the output.
  private let name: String
  private let from: ValueIndex
  private let base: Int?
  private let isDelta: Bool
  private(set) var graph: GraphPlan
  private(set) var problems: [(message: String, position: Position)] = []
  /// The nodes that prepare values, by rule.
  private var prepared: [Int: ValueIndex] = [:]
  private var difference: ValueIndex?
  private var sum: ValueIndex?
  /// Tensors of a delta whose results are wanted, and are not to be had.
  private var withoutResult: [TensorInfo] = []

  /// How many tensors are named one by one.
  private static let listed = 3

  init(
    _ output: OutputSpec, _ spec: ArchiveSpec, name: String, from: ValueIndex, base: Int?, isDelta: Bool,
    _ graph: GraphPlan
  ) {
    self.output = output
    self.spec = spec
    self.name = name
    self.from = from
    self.base = base
    self.isDelta = isDelta
    self.graph = graph
  }

  /// A tensor before its codec's node is known.
  private struct Draft {
    let tensor: TensorInfo
    let info: TensorInfo
    let base: Operand?
    /// The rule that prepares its values; `nil` for exact codecs.
    let rule: Int?
    let content: ArchivePlan.Content?
  }

  mutating func plan() -> ArchivePlan? {
    let isWhole = isWholeCheckpoint
    var drafts: [Draft] = []
    for tensor in graph.catalogue(of: from).tensors {
      let isAdmitted = output.filter.admits(tensor.name)
      guard isAdmitted || isWhole else { continue }
      drafts.append(draft(tensor, isAdmitted: isAdmitted))
    }
    report()
    guard problems.isEmpty else { return nil }
    for rule in spec.rules.indices {
      let covered = drafts.filter { $0.rule == rule }.map(\.tensor)
      if !covered.isEmpty { addNode(rule, covered) }
    }
    let tensors = drafts.map { draft in
      ArchivePlan.Tensor(info: draft.info, content: draft.content ?? content(of: draft), base: draft.base)
    }
    return ArchivePlan(
      kind: isWhole ? .checkpoint : isAdapter ? .adapter : .delta, tensors: tensors, base: base,
      tuned: isWhole || isAdapter ? tunedSource : nil, facts: facts,
      expectedBytes: spec.targetBytes ?? 8192 + tensors.reduce(0) { $0 + expectedBytes(of: $1) }, budget: budget)
  }

  // MARK: - Tensors

  /// The checkpoint that is archived as it stands, if it is one.
  private var tunedSource: Int? {
    guard case .source(let source) = from, graph.sources[source].checkpoint != nil else { return nil }
    return source
  }

  /// Whether factors are archived that stand for themselves.
  private var isAdapter: Bool { base == nil && tunedSource.map { graph.sources[$0].hasFactors } == true }

  /// Whether all of a checkpoint is archived, so that its files can come back.
  private var isWholeCheckpoint: Bool { tunedSource != nil && !isDelta && base != nil && output.rename.isEmpty }

  private mutating func draft(_ tensor: TensorInfo, isAdmitted: Bool) -> Draft {
    let info = TensorInfo(name: output.rename.apply(tensor.name), dtype: tensor.dtype, shape: tensor.shape)
    let operand = base.flatMap { source in
      graph.sources[source].catalogue.position(of: info.name).map { Operand(source: source, tensor: $0) }
    }
    let beside = operand.map { graph.info(of: $0) }
    let isSame = beside?.shape == tensor.shape
    if !isAdmitted, let beside, isSame, beside.dtype == tensor.dtype {
      return Draft(tensor: tensor, info: info, base: operand, rule: nil, content: .same)
    }
    guard isAdmitted, tensor.dtype.isMergeable, tensor.dtype != .f64 else { return exact(tensor, info, nil, .stored) }
    guard let beside else {
      // A delta stands alone; a tensor that the base lacks is kept as it is.
      return base == nil || isDelta ? coded(tensor, info, nil) : exact(tensor, info, nil, .stored)
    }
    guard beside.dtype.isMergeable, beside.dtype != .f64 else { return exact(tensor, info, nil, .stored) }
    if isSame { return coded(tensor, info, operand) }
    // Rows that were added to a vocabulary: the old ones differ little, the new ones not at all from nothing.
    let isGrown =
      tensor.shape.extents.count > 1 && beside.dtype == tensor.dtype
      && beside.shape.extents.dropFirst() == tensor.shape.extents.dropFirst()
      && beside.shape.elementCount < tensor.shape.elementCount
    return isGrown ? exact(tensor, info, operand, .lossless) : exact(tensor, info, nil, .stored)
  }

  /// A tensor by its rule.
  private mutating func coded(_ tensor: TensorInfo, _ info: TensorInfo, _ operand: Operand?) -> Draft {
    guard let rule = spec.rules.firstIndex(where: { $0.glob?.matches(tensor.name) ?? true }) else {
      return exact(tensor, info, nil, .stored)
    }
    let coding: ArchivePlan.ExactCoding
    switch spec.rules[rule].codec.name {
    case "lossless": coding = .lossless
    case "sparse" where number("density", rule) == 1 && !isFree(rule) && (operand != nil || isAdapter): coding = .sparse
    default: return Draft(tensor: tensor, info: info, base: operand, rule: rule, content: nil)
    }
    // Of an adapter, zeros are the base; bytes of one type say nothing about those of another.
    guard isAdapter || operand.map({ graph.info(of: $0).dtype }) == info.dtype else {
      return exact(tensor, info, nil, .stored)
    }
    return exact(tensor, info, operand, coding)
  }

  private mutating func exact(
    _ tensor: TensorInfo, _ info: TensorInfo, _ operand: Operand?, _ coding: ArchivePlan.ExactCoding
  ) -> Draft {
    var value = from
    if isDelta, !isAdapter, tensor.dtype.isMergeable {
      // What is kept to the byte is the result, of which a delta is only a part.
      if let result = resultNode(), graph.catalogue(of: result)[tensor.name] != nil {
        value = result
      } else {
        withoutResult.append(tensor)
      }
    }
    return Draft(
      tensor: tensor, info: info, base: operand, rule: nil, content: .exact(value, name: tensor.name, coding))
  }

  /// Reports the tensors of which no result can be computed.
  private mutating func report() {
    guard !withoutResult.isEmpty else { return }
    let names = withoutResult.prefix(Self.listed).map { "\(MessageText.quoted($0.name)) (\($0.dtype.rawValue))" }
    let more = withoutResult.count > Self.listed ? " and \(withoutResult.count - Self.listed) more" : ""
    problems.append(
      (
        "\(name): \(names.joined(separator: ", "))\(more) of the delta \(MessageText.quoted(graph.name(of: from))) would be kept as "
          + "they come out, which takes a \"base\" that has them in the same shape; name one, take another codec (no F64 "
          + "tensor has one), or exclude them", output.position
      ))
  }

  private func content(of draft: Draft) -> ArchivePlan.Content {
    guard let rule = draft.rule, let node = prepared[rule] else { return .same }
    let declaration = spec.rules[rule].codec
    let coding: ArchivePlan.PreparedCoding
    let isScalar = draft.info.shape.extents.isEmpty
    switch declaration.name {
    case "ternary":
      switch choice("coding", rule) {
      case "context" where draft.base.map({ graph.info(of: $0).dtype }) == draft.info.dtype:
        coding = .ternary(.ternaryContext)
      case "plane": coding = .ternary(.ternaryPlane)
      case "auto": coding = .ternary(nil)
      default: coding = .ternary(.ternary)
      }
    case "sign": coding = .sign
    case "seeded" where !isScalar: coding = .seeded(mask(draft, rule))
    case "dare" where !isScalar: coding = .dare(mask(draft, rule))
    case "sparse": coding = .sparse
    case "lowrank" where Self.isMatrix(draft.info.shape):
      coding = .lowrank(
        LowRankChoice(
          rank: Int(number("rank", rule)), energy: number("energy", rule), isInt8: choice("factors", rule) == "int8"))
    default: coding = .dense(choice("values", rule) == "bf16" ? .bf16 : .f32)
    }
    return .prepared(node, name: draft.tensor.name, coding)
  }

  /// Whether a tensor can be the product of two factors whose blocks are whole rows.
  private static func isMatrix(_ shape: Shape) -> Bool {
    shape.extents.count == 2 && shape.elementCount > 0 && shape.rowLength <= BlockPlace.maximumCount
  }

  private func mask(_ draft: Draft, _ rule: Int) -> SeededMask {
    let mask = RandomMask(
      seed: UInt64(bitPattern: Int64(number("seed", rule))), tensor: draft.tensor.name, model: 0,
      density: number("density", rule, for: draft.tensor.name))
    return SeededMask(key: mask.key, limit: mask.limit)
  }

  // MARK: - Parameters

  private func value(_ name: String, _ rule: Int) -> ParameterValue.Content? {
    spec.rules[rule].parameters[name]?.content
  }

  private func number(_ name: String, _ rule: Int, for tensor: String? = nil) -> Double {
    let standard: Double
    if case .number(let number)? = spec.rules[rule].codec[parameter: name]?.standard {
      standard = number
    } else {
      standard = 0
    }
    guard case .number(let number)? = value(name, rule) else { return standard }
    if let constant = number.constant { return constant }
    guard let tensor else { return .nan }
    return number.resolve(name: tensor, placement: graph.catalogue(of: from).placement(of: tensor)) ?? standard
  }

  private func choice(_ name: String, _ rule: Int) -> String {
    if case .choice(let word)? = value(name, rule) { return word }
    if case .choice(let word)? = spec.rules[rule].codec[parameter: name]?.standard { return word }
    return ""
  }

  // MARK: - Nodes

  /// The node that prepares the values of a rule's tensors.
  private mutating func addNode(_ rule: Int, _ covered: [TensorInfo]) {
    guard let delta = deltaNode(), let codec = CodecRegistry.codec(named: spec.rules[rule].codec.name) else { return }
    var parameters = spec.rules[rule].parameters
    parameters["coding"] = nil
    if isFree(rule) {
      // Where each tensor has its own density, it has its own threshold and its own best scale.
      for (name, word) in [("scope", "tensor"), ("scale", "mean")]
      where parameters[name] == nil && spec.rules[rule].codec[parameter: name] != nil {
        parameters[name] = ParameterValue(content: .choice(word), position: output.position)
      }
    }
    prepared[rule] = add(
      "\(name), rule \(rule + 1)", codec, models: [delta], tensors: covered, parameters: parameters, space: .delta)
  }

  /// The change from the base; what is archived where that is a delta.
  private mutating func deltaNode() -> ValueIndex? {
    guard !isDelta, let base else { return from }
    if let difference { return difference }
    let catalogue = graph.sources[base].catalogue
    let shared = graph.catalogue(of: from).tensors.filter {
      $0.dtype.isMergeable && catalogue[$0.name]?.shape == $0.shape && catalogue[$0.name]?.dtype.isMergeable == true
    }
    difference = MethodRegistry.method(named: "subtract").map {
      add("\(name), change", $0, models: [from, .source(base)], tensors: shared, parameters: [:], space: .delta)
    }
    return difference
  }

  /// Base and change together, where a delta is to be coded exactly.
  private mutating func resultNode() -> ValueIndex? {
    if let sum { return sum }
    guard let base else { return nil }
    let catalogue = graph.sources[base].catalogue
    let shared = graph.catalogue(of: from).tensors.filter {
      $0.dtype.isMergeable && catalogue[$0.name]?.shape == $0.shape && catalogue[$0.name]?.dtype.isMergeable == true
    }
    sum = MethodRegistry.method(named: "add").map {
      add("\(name), result", $0, models: [.source(base), from], tensors: shared, parameters: [:], space: .weight)
    }
    return sum
  }

  private mutating func add(
    _ name: String, _ method: any Method.Type, models: [ValueIndex], tensors: [TensorInfo],
    parameters: [String: ParameterValue], space: Space
  ) -> ValueIndex {
    let position = output.position
    let node = NodeSpec(
      name: Reference(name: name, position: position), declaration: method.declaration, base: nil,
      models: models.map {
        ModelSpec(from: Reference(name: graph.name(of: $0), position: position), parameters: [:])
      }, parts: [], parameters: parameters, filter: .all, rename: [], onMissing: .error, onMismatch: .error,
      space: space)
    graph.nodes.append(
      NodePlan(
        spec: node, method: method, base: nil, models: models,
        modelIsDelta: models.map { _ in false }, catalogue: Catalogue(tensors),
        origins: tensors.enumerated().map { NodePlan.Origin(lead: models[0], name: $1.name, mergedIndex: $0) },
        mergedElementCount: tensors.reduce(0) { $0 + $1.elementCount }))
    return .node(graph.nodes.count - 1)
  }

  /// What is left to be chosen for the file's size.
  private var budget: (bytes: Int, nodes: [Int])? {
    guard let bytes = spec.targetBytes else { return nil }
    let nodes = prepared.sorted { $0.key < $1.key }.compactMap { rule, value -> Int? in
      guard isFree(rule), case .node(let node) = value else { return nil }
      return node
    }
    return (bytes, nodes)
  }

  /// Whether a rule's densities are chosen for the file's size; those of random masks stay as they are.
  private func isFree(_ rule: Int) -> Bool {
    spec.targetBytes != nil && spec.rules[rule].hasFreeDensity
      && ["ternary", "sparse"].contains(spec.rules[rule].codec.name)
  }

  // MARK: - Facts

  /// What the metadata say about the codecs.
  private var facts: [(key: String, value: String)] {
    var facts = [("method", spec.rules.map(\.codec.name).joined(separator: ", "))]
    if let base { facts.append(("base_name", ModelCard.modelName(of: graph.sources[base].spec.path))) }
    facts.append(("apply_rule", "result = round to nearest even of float32(base) + delta, one addition"))
    for (number, rule) in spec.rules.enumerated() {
      for parameter in rule.codec.parameters {
        let key = number == 0 ? parameter.name : "\(parameter.name)_\(number + 1)"
        switch rule.parameters[parameter.name]?.content {
        case .number(let value):
          facts.append((key, value.constant.map { "\(Parameter.Constant.number($0))" } ?? "varies"))
        case .flag(let flag): facts.append((key, "\(flag)"))
        case .choice(let word): facts.append((key, word))
        case .reference(let from): facts.append((key, from.name))
        case nil: if let standard = parameter.standard { facts.append((key, "\(standard)")) }
        }
      }
    }
    return facts
  }

  /// Bytes that a tensor is likely to take: for the plan and the progress bar, before a weight is read.
  private func expectedBytes(of tensor: ArchivePlan.Tensor) -> Int {
    let count = Double(tensor.info.elementCount)
    func entropy(_ density: Double) -> Double {
      guard density > 0, density < 1 else { return density }
      let kept: Double = -density * log2(density)
      let dropped: Double = -(1 - density) * log2(1 - density)
      return kept + dropped + density
    }
    switch tensor.content {
    case .same: return 0
    case .exact(_, _, .stored): return tensor.info.byteCount
    case .exact: return Int(count * 0.3)
    case .prepared(_, _, let coding):
      let rule = spec.rules.firstIndex { $0.glob?.matches(tensor.valueName) ?? true } ?? 0
      let density = number("density", rule, for: tensor.valueName)
      switch coding {
      case .ternary: return Int(count * entropy(density) / 8)
      case .sign: return Int(count / 8)
      case .seeded: return Int(count * density / 8)
      case .dare: return Int(count * density * 2)
      case .sparse: return Int(count * (density * 2 + entropy(density) / 8))
      case .dense(let dtype): return tensor.info.elementCount * dtype.byteCount
      case .lowrank(let choice):
        let rank = choice.rank > 0 ? choice.rank : min(tensor.info.shape.rowLength, tensor.info.shape.rowCount) / 8
        return rank * (tensor.info.shape.rowLength + tensor.info.shape.rowCount) * (choice.isInt8 ? 1 : 2)
      }
    }
  }
}
