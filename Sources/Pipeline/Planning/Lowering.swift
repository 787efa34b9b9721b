internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// One output tensor as an expression over tensors of sources, or as a tensor to be copied.
struct LoweredTensor {
  enum Content {
    case copy(Operand)
    case value(Value)
  }

  let content: Content
  /// The tensors behind the expression's operand slots.
  let operands: [Operand]
  /// Set where the tensor's own node cannot be merged with its parameters.
  let failure: (node: String, tensor: String, message: String)?
  /// Set where the merge of a node is likely not what is meant.
  let warning: (node: String, tensor: String, message: String)?
}

extension GraphPlan {
  /// Builds the expression of one tensor of a value, through all nodes under it.
  func lower(_ index: ValueIndex, _ name: String) -> LoweredTensor {
    var lowering = Lowering(plan: self)
    let content = lowering.lower(index, name)
    return LoweredTensor(
      content: content, operands: lowering.operands, failure: lowering.failure, warning: lowering.warning)
  }

  /// What an expression over `operands` is computed on.
  func frame(_ shape: Shape, _ operands: [Operand], forcesDouble: Bool) -> TensorFrame {
    let coded = operands.map { self.coded($0) }
    return TensorFrame(
      shape: shape,
      dtypes: zip(operands, coded).map { operand, coded in
        if adapted(operand) != nil { return .f32 }
        if let gathered = gathered(operand) { return gathered.dtype }
        return coded.map { $0.form == .elements ? $0.tensor.info.dtype : .f32 } ?? info(of: operand).dtype
      },
      planeSlots: Set(coded.indices.filter { coded[$0]?.form == .planes }), checksFinite: checksFinite,
      forcesDouble: forcesDouble, searchBits: searchBits)
  }
}

/// The state of lowering one tensor.
private struct Lowering {
  private struct Key: Hashable {
    let node: Int
    let name: String
  }

  let plan: GraphPlan
  let graph = ExpressionGraph()
  var operands: [Operand] = []
  var failure: (node: String, tensor: String, message: String)?
  var warning: (node: String, tensor: String, message: String)?
  private var known: [Key: LoweredTensor.Content] = [:]

  init(plan: GraphPlan) { self.plan = plan }

  mutating func lower(_ index: ValueIndex, _ name: String) -> LoweredTensor.Content {
    let node: Int
    switch index {
    // The graph has each operand once, so that nothing is built twice.
    case .source(let source): return input(source, name)
    case .node(let place): node = place
    }
    let key = Key(node: node, name: name)
    if let content = known[key] { return content }
    let content = self.node(plan.nodes[node], name)
    known[key] = content
    return content
  }

  private mutating func input(_ source: Int, _ name: String) -> LoweredTensor.Content {
    guard let tensor = plan.sources[source].catalogue.position(of: name) else {
      fail(plan.sources[source].spec.name.name, name, "the tensor is missing")
      return .value(graph.constant(0))
    }
    let operand = Operand(source: source, tensor: tensor)
    if plan.sources[source].aligned?.gathered[tensor] != nil {
      return .value(element(Operand(source: source, tensor: tensor, aspect: .gathered)))
    }
    if let archive = plan.sources[source].archive { return archived(archive, operand) }
    if let adapter = plan.sources[source].adapter { return adapted(adapter, operand) }
    guard plan.info(of: operand).dtype.isMergeable else { return .copy(operand) }
    return .value(element(operand))
  }

  /// The elements of an operand, each tensor in one slot.
  private mutating func element(_ operand: Operand) -> Value {
    if let slot = operands.firstIndex(of: operand) { return graph.input(slot) }
    operands.append(operand)
    return graph.input(operands.count - 1)
  }

  /// A tensor of an archive: its change, or with a base what the two give.
  private mutating func archived(_ archive: OpenArchive, _ operand: Operand) -> LoweredTensor.Content {
    let member = archive.members[operand.tensor]
    let base = archive.base.flatMap { source in member.base.map { Operand(source: source, tensor: $0) } }
    let isMergeable = plan.info(of: operand).dtype.isMergeable
    guard let tensor = member.tensor.map({ archive.archive.tensors[$0] }), tensor.codec != .same else {
      guard let base else { return .value(graph.constant(0)) }
      return isMergeable ? .value(element(base)) : .copy(base)
    }
    guard isMergeable else { return .copy(operand) }
    let value = element(operand)
    guard tensor.form != .elements, let base else { return .value(value) }
    return .value(graph.restored(base: element(base), delta: value))
  }

  /// A tensor of an adapter: its change, or with a base what the two give.
  ///
  ///     W + s·BA        with lengths m: V = W + s·BA, V · m/‖V‖ by rows of out × in
  private mutating func adapted(_ adapter: OpenAdapter, _ operand: Operand) -> LoweredTensor.Content {
    let member = adapter.members[operand.tensor]
    var base = adapter.base.flatMap { source in member.base.map { Operand(source: source, tensor: $0) } }
    if member.whole != nil { base = operand }
    guard member.change != nil else {
      guard let base else { return .value(graph.constant(0)) }
      return plan.info(of: base).dtype.isMergeable ? .value(element(base)) : .copy(base)
    }
    let change = element(Operand(source: operand.source, tensor: operand.tensor, aspect: .change))
    guard let base else { return .value(change) }
    let weight = element(base)
    guard let magnitude = member.magnitude else {
      return .value(member.whole == nil ? graph.restored(base: weight, delta: change) : weight + change)
    }
    let lengths = element(Operand(source: operand.source, tensor: operand.tensor, aspect: .magnitude))
    let turned = weight + change
    // Where a row is all zero it stays so, whatever it is divided by.
    return .value(turned * (lengths / maximum(norm(turned, over: magnitude.isPerRow ? .row : .column), 1e-12)))
  }

  private mutating func node(_ node: NodePlan, _ name: String) -> LoweredTensor.Content {
    guard let position = node.catalogue.position(of: name) else {
      fail(node.spec.name.name, name, "the tensor is missing")
      return .value(graph.constant(0))
    }
    let origin = node.origins[position]
    let info = node.catalogue.tensors[position]
    guard let mergedIndex = origin.mergedIndex else { return lower(origin.lead, origin.name) }
    var base: Value?
    if let index = node.base, case .value(let value) = lower(index, origin.name) { base = value }
    var models: [(index: Int, value: Value, isDelta: Bool, numbers: [String: Double])] = []
    for (number, index) in node.models.enumerated() {
      // The head of a model that ties it is its embedding.
      let name = plan.name(of: origin.name, in: index)
      let found = plan.catalogue(of: index)[name]
      guard found?.shape == info.shape, case .value(let value) = lower(index, name) else { continue }
      models.append(
        (index: number, value: value, isDelta: node.modelIsDelta[number], numbers: numbers(node, origin, model: number))
      )
    }
    if case .models(_, let count) = node.spec.declaration.inputs, models.count < count.lowerBound {
      // Too few models have the tensor, and the node lets them lack it: it stays as it is.
      return lower(origin.lead, origin.name)
    }
    let merge = Merge(
      node: node.spec.name.name, tensor: TensorInfo(name: origin.name, dtype: info.dtype, shape: info.shape),
      tensorIndex: mergedIndex, placement: plan.catalogue(of: origin.lead).placement(of: origin.name), base: base,
      models: models, modelElementCount: node.mergedElementCount,
      numbers: numbers(node, origin, model: nil), flags: node.settings.flags,
      choices: node.settings.choices, varying: node.settings.varying,
      sides: sides(node, origin, models: models.map(\.index)),
      deltaDType: node.settings.choices["delta_rounding"] == "base_dtype" ? info.dtype : nil)
    if warning == nil, let message = node.method.warning(of: merge) {
      warning = (node.spec.name.name, origin.name, message)
    }
    do {
      return .value(try node.method.merge(merge))
    } catch {
      fail(node.spec.name.name, origin.name, error.description)
      return .value(base ?? graph.constant(0))
    }
  }

  /// What parameters name beside the models that have a tensor.
  private mutating func sides(_ node: NodePlan, _ origin: NodePlan.Origin, models: [Int]) -> Merge.Sides {
    var sides = Merge.Sides()
    for side in node.sides where side.model.map(models.contains) ?? true {
      let catalogue = plan.catalogue(of: side.value)
      guard let place = catalogue.position(of: origin.name) else {
        sides.tensors[side.key] = side.missing.map(graph.constant)
        continue
      }
      if case .source(let source) = side.value, catalogue.tensors[place].dtype.isByte {
        sides.tensors[side.key] = element(Operand(source: source, tensor: place))
      } else if case .value(let value) = lower(side.value, origin.name) {
        sides.tensors[side.key] = value
      }
    }
    if let companion = node.method.companion(of: origin.name) {
      for model in models { sides.companions[model] = self.companion(node.models[model], companion, of: origin) }
    }
    for side in node.spec.sides where side.parameter.kind == .coefficients {
      guard let file = plan.coefficients[side.from.name] else { continue }
      for model in models {
        do {
          let name = node.spec.models[model].from.name
          sides.coefficients[Merge.Sides.Key(side.parameter.name, model: model)] =
            try file.numbers(of: name, row: model, tensor: origin.name)
        } catch {
          fail(node.spec.name.name, origin.name, error.description)
        }
      }
    }
    return sides
  }

  /// Another tensor of a model, of the same shape.
  private mutating func companion(_ model: ValueIndex, _ name: String, of origin: NodePlan.Origin) -> Value? {
    let catalogue = plan.catalogue(of: model)
    guard let place = catalogue.position(of: name), catalogue[origin.name]?.shape == catalogue.tensors[place].shape
    else {
      return nil
    }
    if case .source(let source) = model, catalogue.tensors[place].dtype.isByte {
      return element(Operand(source: source, tensor: place))
    }
    if case .value(let value) = lower(model, name) { return value }
    return nil
  }

  /// The numbers of a node, or of one of its models, as they hold for a tensor.
  private mutating func numbers(_ node: NodePlan, _ origin: NodePlan.Origin, model: Int?) -> [String: Double] {
    let name = origin.name
    var found: [String: Double] = [:]
    for parameter in node.spec.declaration.parameters where parameter.isPerModel == (model != nil) {
      guard
        let value = model.map({ node.spec.parameter(parameter.name, model: $0) })
          ?? node.spec.parameters[parameter.name],
        case .number(let number) = value.content
      else { continue }
      let placement = number.constant == nil ? plan.catalogue(of: origin.lead).placement(of: name) : .before
      if let number = number.resolve(name: name, placement: placement) {
        found[parameter.name] = number
      } else if parameter.standard == nil {
        fail(
          node.spec.name.name, name,
          "no rule of '\(parameter.name)' matches, expected one for every tensor; end the rules with {\"value\": …}")
      }
    }
    return found
  }

  private mutating func fail(_ node: String, _ tensor: String, _ message: String) {
    if failure == nil { failure = (node, tensor, message) }
  }
}

extension NodePlan {
  /// A node's parameters that are not numbers, and which of the numbers differ between tensors.
  struct Settings: Sendable {
    let flags: [String: Bool]
    let choices: [String: String]
    /// The numbers that are not the same for all tensors.
    let varying: Set<String>

    init(_ spec: NodeSpec) {
      flags = spec.parameters.compactMapValues { if case .flag(let flag) = $0.content { flag } else { nil } }
      choices = spec.parameters.compactMapValues { if case .choice(let choice) = $0.content { choice } else { nil } }
      let given = ([spec.parameters] + spec.models.map(\.parameters)).joined()
      varying = Set(
        given.compactMap { name, value in
          guard case .number(let number) = value.content else { return nil }
          var numbers = Set(number.numbers)
          // Where no rule need match, the default is one more of them.
          if !number.holdsForAll, case .number(let standard)? = spec.declaration[parameter: name]?.standard {
            numbers.insert(standard)
          }
          return numbers.count > 1 ? name : nil
        })
    }
  }
}
