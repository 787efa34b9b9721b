internal import WeirIO
internal import WeirOps

/// A merge by one method, as flags say it.
public struct MergeRequest: Sendable {
  /// The path of the model from which the others are changes.
  public var base: String?
  /// Everything else of the command line in its order: the method, models as `PATH` or `PATH:WEIGHT`, and the method's
  /// parameters as `--name value` or `--name=value`.
  public var words: [String]
  public var output: MadeOutput
  /// What happens where a model lacks a tensor, and where its tensor has another shape; `nil` for an error.
  public var onMissing: String?
  public var onMismatch: String?
  /// Whose tokens the output has: `union`, or the path of a model; `nil` where all have the same.
  public var tokenizer: String?

  public init(
    base: String?, words: [String], output: MadeOutput, onMissing: String? = nil, onMismatch: String? = nil,
    tokenizer: String? = nil
  ) {
    self.tokenizer = tokenizer
    self.base = base
    self.words = words
    self.onMissing = onMissing
    self.onMismatch = onMismatch
    self.output = output
  }

  /// The pipeline of one node that does it.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with all flags and models that the method does not take.
  public func pipeline() throws(PipelineError) -> PipelineText {
    var flags = ParameterFlags(
      words, of: Operations.all, general: ["base", "dtype", "shard-size", "on-missing", "on-mismatch", "tokenizer"])
    guard let method = flags.positional.first else {
      throw PipelineError(.request, "the method is missing, expected one such as 'linear'; 'weir methods' lists them")
    }
    let declaration = try MethodReference.declaration(method)
    guard declaration.inputs != .parts else {
      throw PipelineError(
        .request,
        "'\(method)' takes layers of models, which flags cannot say; write a pipeline as 'weir methods \(method)' shows"
      )
    }
    let parameters = flags.parameters(of: declaration)
    var names = SourceNames()
    var problems = flags.problems + self.problems(with: base, declaration)
    let base = base.map { names.name(of: $0) }
    let models = flags.positional.dropFirst().map { word in
      model(word, base, declaration, &names, &problems)
    }
    if models.isEmpty {
      problems.append("the models are missing, expected at least one path after '\(method)'")
    }
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
    var node: [(String, JSONValue)] = [("op", .string(method))]
    if let base { node.append(("base", .string(base))) }
    node.append((declaration.inputs.keyName, .array(models)))
    node += parameters
    // On the node, not the output: what is left out then comes from the base, unchanged.
    node += MadePipeline.selection(output)
    if let onMissing { node.append(("on_missing", .string(onMissing))) }
    if let onMismatch { node.append(("on_mismatch", .string(onMismatch))) }
    let tokenizer = tokenizer.map { $0 == "union" ? $0 : names.name(of: $0) }
    let archiveBase = output.path.hasSuffix(ArchiveSpec.suffix) ? base : nil
    return MadePipeline.text(
      names, graph: [(MadePipeline.node, .object(node))], from: MadePipeline.node, output,
      members: archiveBase.map { [("base", .string($0))] } ?? [], tokenizer: tokenizer)
  }

  private func problems(with base: String?, _ declaration: MethodDeclaration) -> [String] {
    guard case .models(let presence, _) = declaration.inputs else {
      return base == nil ? [] : ["'\(declaration.name)' takes no --base; name all inputs after the method"]
    }
    switch presence {
    case .none where base != nil: return ["'\(declaration.name)' takes no --base; name all models after the method"]
    case .required where base == nil:
      return ["--base is missing, expected the path of the model that '\(declaration.name)' starts from"]
    default: return []
    }
  }

  /// One entry of `models` or `inputs`.
  private func model(
    _ word: String, _ base: String?, _ declaration: MethodDeclaration, _ names: inout SourceNames,
    _ problems: inout [String]
  ) -> JSONValue {
    guard let colon = word.lastIndex(of: ":"), colon != word.startIndex else {
      return .string(names.name(of: word, base: base))
    }
    let weight = String(word[word.index(after: colon)...])
    guard let number = try? JSON.parse(weight), number.double != nil else {
      if !weight.contains("/") {
        problems.append(
          "\(MessageText.quoted(word)) ends in \(MessageText.quoted(weight)), expected a number after ':' as in 'PATH:0.6'"
        )
      }
      return .string(names.name(of: word, base: base))
    }
    let path = String(word[..<colon])
    guard case .models = declaration.inputs, declaration[parameter: "weight"]?.isPerModel == true else {
      problems.append(
        "'\(declaration.name)' takes no weights, expected \(MessageText.quoted(path)) alone; drop ':\(weight)'")
      return .string(names.name(of: path, base: base))
    }
    return .object([("from", .string(names.name(of: path, base: base))), ("weight", number)])
  }
}
