internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The operations that a node may name.
enum Operations {
  static let all = MethodRegistry.all.map { $0.declaration }
  static let names = all.map(\.name)

  static func named(_ name: String) -> MethodDeclaration? { all.first { $0.name == name } }
}

/// The keys of a node: those that every operation has, those that tell its inputs, and its parameters.
enum NodeKeys {
  static let op = Key(
    "op", .name("the name of an operation"), required: true, "The operation: a method or a primitive.")
  static let base = Key("base", Form<Reference>.reference, "The model from which the others are changes.")
  static let requiredBase = Key("base", Form<Reference>.reference, required: true, base.summary)
  static let onMissing = Key(
    "on_missing", Form<MismatchRule>.word.named("mismatch rule"),
    "What happens where a model lacks a tensor; `error` by default.")
  static let onMismatch = Key(
    "on_mismatch", Form<MismatchRule>.word.named("mismatch rule"),
    "What happens where a model's tensor has another shape; `error` by default.")

  static func models(of declaration: MethodDeclaration, count: ClosedRange<Int>) -> Key<[ModelSpec]> {
    let form = Form<[ModelSpec]>.list("an array of models", of: .model(declaration), noun: "model", count: count)
    return Key("models", form, required: true, "The models, by name or with parameters of their own.")
  }

  static func inputs(count: ClosedRange<Int>) -> Key<[ModelSpec]> {
    let input = Form<Reference>.reference.map { name, _, _ in ModelSpec(from: name, parameters: [:]) }
    let form = Form<[ModelSpec]>.list("an array of names", of: input, noun: "input", count: count)
    return Key("inputs", form, required: true, "The inputs, by name and in order.")
  }

  static let parts = Key(
    "parts", Form<[PartSpec]>.list("an array of parts", of: .part, noun: "part"), required: true,
    "Runs of layers, laid on one another in order.")

  /// All keys of a node, by the name of its operation.
  static let tables = Dictionary(uniqueKeysWithValues: Operations.all.map { ($0.name, table(for: $0)) })

  private static func table(for declaration: MethodDeclaration) -> KeyTable {
    var keys: [any ObjectKey] = [op]
    switch declaration.inputs {
    case .models(let base, let count):
      if base != .none { keys.append(base == .required ? requiredBase : NodeKeys.base) }
      keys.append(models(of: declaration, count: count))
    case .list(let count): keys.append(inputs(count: count))
    case .parts: keys.append(parts)
    }
    keys += declaration.parameters.map { ParameterKey.key(for: $0, isRequired: $0.isRequiredOnNode(declaration)) }
    keys += SelectionKeys.keys
    if declaration.inputs != .parts { keys += [onMissing, onMismatch] as [any ObjectKey] }
    return KeyTable(keys) { explain($0, for: declaration) }
  }

  /// What to say of a key that the operation does not take and another does.
  static func explain(_ key: String, for declaration: MethodDeclaration) -> KeyTable.Explanation? {
    let op = declaration.name
    switch key {
    case "base": return .init(message: "'\(op)' takes no 'base'; remove it")
    case "models", "inputs", "parts":
      let taken = declaration.inputs.keyName
      return .init(message: "'\(op)' takes no '\(key)', expected '\(taken)'", standsFor: taken)
    case onMissing.name, onMismatch.name: return .init(message: "'\(op)' takes no '\(key)'; remove it")
    default: break
    }
    return ParameterKey.explain(key, foreignTo: declaration, among: Operations.all)
  }
}

extension MethodDeclaration.Inputs {
  /// The key under which a node names its inputs.
  var keyName: String {
    switch self {
    case .models: "models"
    case .list: "inputs"
    case .parts: "parts"
    }
  }
}

extension Parameter {
  /// Whether a node must give it; one that each model may give is looked for there too.
  func isRequiredOnNode(_ declaration: MethodDeclaration) -> Bool {
    standard == nil && !(isPerModel && declaration.inputs.keyName == "models")
  }
}

/// The key of a declared parameter.
enum ParameterKey {
  static func key(for parameter: Parameter, isRequired: Bool) -> Key<ParameterValue> {
    let standard = parameter.standard.map { "; \($0) by default" } ?? ""
    return Key(parameter.name, .parameter(parameter), required: isRequired, "\(parameter.summary)\(standard).")
  }

  /// What to say of a parameter that others of a kind have and this one does not.
  static func explain(
    _ key: String, foreignTo declaration: MethodDeclaration, among all: [MethodDeclaration]
  ) -> KeyTable.Explanation? {
    let others = all.filter { $0[parameter: key] != nil }.map(\.name)
    guard !others.isEmpty else { return nil }
    let names = declaration.parameters.map(\.name)
    let expected = names.isEmpty ? "" : ", expected \(Wording.list(names))"
    return .init(
      message: "'\(declaration.name)' takes no '\(key)', a parameter of "
        + "\(Wording.list(Array(others.prefix(3)), "and"))\(expected); remove it")
  }
}

extension Fields {
  /// The values of declared parameters.
  func parameters(_ parameters: [Parameter]) -> [String: ParameterValue] {
    parameters.reduce(into: [:]) { values, parameter in
      values[parameter.name] = value(of: parameter.name)
    }
  }
}
