internal import WeirIO

extension PipelineSpec {
  /// Reads and checks a pipeline.
  ///
  /// - Parameters:
  ///   - text: the JSON.
  ///   - file: what diagnostics call it; `nil` for a pipeline without a file.
  ///   - folder: where relative paths start; empty for the working directory.
  ///   - overrides: values for declared variables (`--set`), as JSON or as plain text.
  ///   - outputPath: a place for the only output (`-o`), relative to the working directory, instead of its `to`.
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong.
  public static func parse(
    text: [UInt8], file: String? = nil, folder: String = "", overrides: [String: String] = [:],
    outputPath: String? = nil
  ) throws(PipelineError) -> PipelineSpec {
    let reader = Reader(text: text, file: file, paths: Paths(folder: folder, output: outputPath))
    guard let draft = reader.pipeline(text, overrides), reader.errors.isEmpty else {
      throw PipelineError(.request, reader.report)
    }
    return PipelineSpec(
      file: file, text: Self.settled(text, overrides), note: draft.note, sources: draft.sources, nodes: draft.nodes,
      outputs: draft.outputs,
      nanPolicy: draft.nanPolicy, tokenizer: draft.tokenizer, warnings: Reader.sorted(reader.warnings))
  }

  /// The text with the values that override its variables, so that what is kept beside an output gives it again.
  private static func settled(_ text: [UInt8], _ overrides: [String: String]) -> [UInt8] {
    guard !overrides.isEmpty, let root = try? JSON.parse(text), var variables = root["variables"] else { return text }
    for (name, value) in overrides {
      variables = variables.setting(name, to: (try? JSON.parse(value)) ?? .string(value))
    }
    return Array((JSON.text(root.setting("variables", to: variables), indent: 2) + "\n").utf8)
  }
}

extension Reader {
  /// What a pipeline's text says, before its graph is known to make sense.
  struct Draft {
    let note: String?
    let sources: [SourceSpec]
    let nodes: [NodeSpec]
    let outputs: [OutputSpec]
    let nanPolicy: PipelineSpec.NaNPolicy
    let tokenizer: TokenizerSpec?
  }

  /// Reads the whole text; `nil` where its first lines show that the rest cannot be understood.
  fileprivate func pipeline(_ text: [UInt8], _ overrides: [String: String]) -> Draft? {
    guard let root = json(text) else { return nil }
    guard root.object != nil else {
      error(at: root.offset, "the pipeline is \(Wording.found(root)), expected an object")
      return nil
    }
    if let version = root["weir"], let number = version.int, number != PipelineKeys.version {
      error(
        at: version.offset,
        "the pipeline is of version \(number), expected \(PipelineKeys.version); use a Weir that reads it")
      return nil
    }
    declare(root["variables"], overrides: overrides)
    guard let fields = fields(of: root, at: .pipeline, expected: "an object", PipelineKeys.table) else { return nil }
    reportUnusedVariables(root["variables"])
    return draft(fields)
  }

  private func json(_ text: [UInt8]) -> JSONValue? {
    do {
      return try JSON.parse(text)
    } catch {
      self.error(at: error.offset, error.message)
      return nil
    }
  }

  private func draft(_ fields: Fields) -> Draft {
    let outputs = fields[PipelineKeys.outputs] ?? []
    if let output = paths.output, outputs.count > 1 {
      error(
        at: fields.offset(of: PipelineKeys.outputs.name),
        "-o \(MessageText.quoted(output)) names one place, expected one output instead of \(outputs.count); "
          + "drop -o, or keep one output")
    } else {
      checkPlaces(of: outputs)
    }
    var graph = GraphChecker(
      sources: fields[PipelineKeys.sources] ?? [], nodes: fields[PipelineKeys.graph] ?? [], outputs: outputs,
      reader: self)
    let tokenizer = fields[PipelineKeys.tokenizer]
    let ordered = graph.check(tokenizer)
    return Draft(
      note: fields.value(of: "note"), sources: ordered.sources, nodes: ordered.nodes, outputs: ordered.outputs,
      nanPolicy: fields[PipelineKeys.nan] ?? .error, tokenizer: tokenizer)
  }

  /// Reports outputs that would be written to one place, or one into the other.
  private func checkPlaces(of outputs: [OutputSpec]) {
    for (number, output) in outputs.enumerated() {
      for (other, earlier) in outputs[..<number].enumerated() {
        guard let relation = output.destination.collision(with: earlier.destination) else { continue }
        error(
          at: output.position.offset,
          "output \(number + 1) writes \(relation) the place of output \(other + 1), expected a place of its own")
        break
      }
    }
  }
}

extension OutputSpec.Destination {
  /// How one place lies to another that it cannot share the disk with: `to`, `into` or `around` it.
  fileprivate func collision(with other: Self) -> String? {
    switch (parts == other.parts, parts.starts(with: other.parts), other.parts.starts(with: parts)) {
    case (true, _, _): "to"
    case (_, true, _): "into"
    case (_, _, true): "around"
    default: nil
    }
  }

  /// The parts of a path, without those that lead nowhere; a digest's name is a place apart.
  private var parts: [Substring] {
    switch self {
    case .digest(let name): ["digest:", name[...]]
    case .folder(let path), .file(let path), .archive(let path):
      (path.hasPrefix("/") ? ["/"] : []) + path.split(separator: "/").filter { $0 != "." }
    }
  }
}
