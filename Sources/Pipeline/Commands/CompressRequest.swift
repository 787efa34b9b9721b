internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The making of an archive, as flags say it.
public struct CompressRequest: Sendable {
  /// The models (a base and a tuned model, or an adapter's folder) and the codec's parameters as `--name value` or
  /// `--name=value`.
  public var words: [String]
  /// The codec of all tensors that no rule is for; `nil` for the standard one.
  public var codec: String?
  /// Codecs for the tensors that globs match, as `GLOB=CODEC[,PARAMETER=VALUE…]`; the first that matches holds.
  public var rules: [String]
  /// The most bytes of the file; `nil` leaves the size to the codecs.
  public var targetSize: String?
  public var output: MadeOutput

  public init(
    words: [String], codec: String? = nil, rules: [String] = [], targetSize: String? = nil, output: MadeOutput
  ) {
    self.words = words
    self.codec = codec
    self.rules = rules
    self.targetSize = targetSize
    self.output = output
  }

  /// The pipeline that does it.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong.
  public func pipeline() throws(PipelineError) -> PipelineText {
    var flags = ParameterFlags(words, of: Codecs.all, general: ["codec", "rule", "target-size"])
    var problems: [String] = []
    let declaration = declaration(&problems)
    let parameters = declaration.map { flags.parameters(of: $0) } ?? []
    problems = flags.problems + problems
    checkOutput(&problems)
    var names = SourceNames()
    // Values of options that are not known look like models.
    let source = problems.isEmpty ? source(flags.positional, &names, &problems) : nil
    var members: [(String, JSONValue)] = source?.base.map { [("base", .string($0))] } ?? []
    if rules.isEmpty {
      if let codec { members.append(("codec", .string(codec))) }
      members += parameters
    } else {
      let made = rules.compactMap { Self.rule($0, &problems) }
      let last = JSONValue.object([("codec", .string(codec ?? Codecs.standard.name))] + parameters)
      let isComplete = codec == nil && parameters.isEmpty && made.last?["for"]?.string == "*"
      members.append(("codec", .array(made + (isComplete ? [] : [last]))))
    }
    if let targetSize { members.append(("target_size", .string(targetSize))) }
    guard problems.isEmpty, let source else {
      throw PipelineError(.request, problems.map { Diagnostic($0) })
    }
    members += MadePipeline.selection(output)
    return MadePipeline.text(
      names, graph: [], from: source.name, output, members: members, ruleCount: rules.count)
  }

  private func declaration(_ problems: inout [String]) -> MethodDeclaration? {
    guard let codec else { return Codecs.standard }
    if let declaration = Codecs.named(codec) { return declaration }
    let hint = Suggestion.phrase(for: codec, in: Codecs.names)
    problems.append("--codec is \(MessageText.quoted(codec)), expected \(Wording.list(Codecs.names))\(hint)")
    return nil
  }

  private func checkOutput(_ problems: inout [String]) {
    guard !output.path.hasSuffix(ArchiveSpec.suffix) else { return }
    let stem = [".safetensors", ".tv"].reduce(output.path) { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }
    let name = stem.hasSuffix("/") ? String(stem.dropLast()) : stem
    problems.append(
      "-o is \(MessageText.quoted(output.path)), expected a name that ends in '\(ArchiveSpec.suffix)'; "
        + "write -o \(MessageText.quoted(name + ArchiveSpec.suffix))")
  }

  /// The source that is compressed, and the name of its base if it has one.
  private func source(
    _ paths: [String], _ names: inout SourceNames, _ problems: inout [String]
  ) -> (name: String, base: String?)? {
    switch paths.count {
    case 1:
      guard AdapterFolder.isAdapter(paths[0]) else {
        problems.append(
          "one model is given, \(MessageText.quoted(paths[0])), expected a base and the model that was made from it, or the "
            + "folder of an adapter (with \(AdapterFolder.configName))")
        return nil
      }
      return (names.name(of: paths[0], space: .delta), nil)
    case 2:
      if paths[0] == paths[1] {
        problems.append(
          "base and tuned model are both \(MessageText.quoted(paths[0])), expected the model and what it was made from")
      }
      if paths[0].hasSuffix(ArchiveSpec.suffix) {
        problems.append(
          "the base is \(MessageText.quoted(paths[0])), an archive, expected a checkpoint; 'weir apply' makes one of it"
        )
      }
      for path in paths where AdapterFolder.isAdapter(path) {
        problems.append(
          "\(MessageText.quoted(path)) is an adapter, which is compressed without a base; expected it alone")
      }
      guard problems.isEmpty else { return nil }
      let base = names.name(of: paths[0])
      return (names.name(of: paths[1], base: base), base)
    default:
      problems.append(
        "\(paths.isEmpty ? "the models are missing" : "\(paths.count) models are given"), expected a base and the model "
          + "that was made from it, or the folder of an adapter")
      return nil
    }
  }

  /// One `--rule` as the language has it.
  private static func rule(_ text: String, _ problems: inout [String]) -> JSONValue? {
    let complaint = "--rule is \(MessageText.quoted(text)), expected GLOB=CODEC or GLOB=CODEC,PARAMETER=VALUE"
    guard let mark = text.firstIndex(of: "="), mark != text.startIndex else {
      problems.append(complaint)
      return nil
    }
    let pieces = split(text[text.index(after: mark)...])
    var members: [(String, JSONValue)] = [
      ("for", .string(String(text[..<mark]))), ("codec", .string(String(pieces[0]))),
    ]
    let codec = Codecs.named(String(pieces[0]))
    for piece in pieces.dropFirst() {
      guard let mark = piece.firstIndex(of: "="), mark != piece.startIndex else {
        problems.append(complaint)
        return nil
      }
      let key = String(piece[..<mark].map { $0 == "-" ? "_" : $0 })
      let value = String(piece[piece.index(after: mark)...])
      guard !members.contains(where: { $0.0 == key }) else {
        problems.append("--rule \(MessageText.quoted(text)) gives \(MessageText.quoted(key)) twice, expected once")
        return nil
      }
      let plain = (try? JSON.parse(value)) ?? .string(value)
      members.append((key, codec?[parameter: key].map { ParameterFlags.value(value, $0) } ?? plain))
    }
    return .object(members)
  }

  /// The parts of a text between commas that no bracket surrounds; at least one.
  private static func split(_ text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var depth = 0
    for place in text.indices {
      switch text[place] {
      case "[", "{": depth += 1
      case "]", "}": depth -= 1
      case "," where depth == 0:
        parts.append(text[start..<place])
        start = text.index(after: place)
      default: break
      }
    }
    return parts + [text[start...]]
  }
}
