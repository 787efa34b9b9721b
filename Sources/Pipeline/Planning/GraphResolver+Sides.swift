internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension NodePlan {
  /// What a parameter names: tensors like the merged ones.
  struct Side: Sendable {
    let key: Merge.Sides.Key
    let model: Int?
    let value: ValueIndex
    /// What stands for a tensor that it lacks.
    let missing: Double?
  }
}

extension GraphResolver {
  /// Finds what a node's parameters name, and reports in what it differs from the tensors that are merged.
  mutating func sides(of node: NodePlan) -> [NodePlan.Side] {
    var sides: [NodePlan.Side] = []
    for side in node.spec.sides {
      switch side.parameter.kind {
      case .tensors(let missing):
        guard let value = place(of: side.from) else { continue }
        check(value, side, missing, node)
        sides.append(
          NodePlan.Side(
            key: Merge.Sides.Key(side.parameter.name, model: side.model), model: side.model, value: value,
            missing: missing))
      case .coefficients:
        guard let lead = node.lead, let file = plan.coefficients[side.from.name] else { continue }
        let models = node.spec.models.map(\.from.name)
        for complaint in file.complaints(models: models, catalogue: plan.catalogue(of: lead)) {
          diagnose(
            "node \(MessageText.quoted(node.spec.name.name)): \(MessageText.quoted(side.from.name)) \(complaint)",
            node.spec)
        }
      case .number, .integer, .flag, .choice: break
      }
    }
    return sides
  }

  /// Compares what a parameter names with the tensors that are merged.
  private mutating func check(_ value: ValueIndex, _ side: SideSpec, _ missing: Double?, _ node: NodePlan) {
    let place = "node \(MessageText.quoted(node.spec.name.name)): '\(side.parameter.name)'"
    let name = MessageText.quoted(plan.name(of: value))
    let catalogue = plan.catalogue(of: value)
    var (lacking, problems): ([String], [String]) = ([], [])
    for (tensor, origin) in zip(node.catalogue.tensors, node.origins) where origin.mergedIndex != nil {
      let quoted = MessageText.quoted(origin.name)
      guard let found = catalogue[origin.name] else {
        lacking.append(quoted)
        continue
      }
      if found.shape != tensor.shape {
        problems.append("tensor \(quoted) has shape \(found.shape) in \(name), expected \(tensor.shape)")
      } else if !found.dtype.isMergeable, !(found.dtype.isByte && plan.isCheckpoint(value)) {
        problems.append(
          "tensor \(quoted) is \(found.dtype.rawValue) in \(name), expected F64, F32, F16, BF16, U8 or BOOL")
      }
    }
    let list = lacking.prefix(3).joined(separator: ", ") + (lacking.count > 3 ? " and \(lacking.count - 3) more" : "")
    if !lacking.isEmpty, let missing {
      nodeWarnings.append(
        Diagnostic(
          "\(place): \(name) lacks \(list); \(Parameter.Constant.number(missing)) stands for every element",
          severity: .warning, file: spec.file, position: node.spec.name.position))
    } else if !lacking.isEmpty {
      problems.append("\(name) lacks \(list), expected all tensors that are merged")
    }
    for problem in problems.prefix(3) { diagnose("\(place): \(problem)", node.spec) }
    if problems.count > 3 { diagnose("\(place): \(problems.count - 3) more tensors differ", node.spec) }
  }
}

extension GraphPlan {
  /// Whether a value is a checkpoint as it stands.
  fileprivate func isCheckpoint(_ value: ValueIndex) -> Bool {
    if case .source(let source) = value { sources[source].checkpoint != nil } else { false }
  }
}

extension DType {
  /// Whether elements are bytes, as those of masks are.
  var isByte: Bool { self == .u8 || self == .bool }
}
