internal import WeirIO
internal import WeirTensors

extension Planner {
  /// Opens all sources; archives and adapters after the checkpoints that they apply to.
  mutating func openSources() -> [OpenSource] {
    var opened: [String: OpenSource] = [:]
    let sources = spec.sources.filter { $0.kind != .coefficients }
    let places = Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($0.element.name.name, $0.offset) })
    for source in sources where source.kind == .checkpoint {
      opened[source.name.name] = open(source) { (planner) throws(CheckpointError) in
        let checkpoint = try Checkpoint.open(
          source.path, policy: planner.options.readPolicy, maximumHeaderBytes: planner.options.maximumHeaderBytes)
        for note in checkpoint.notes {
          planner.warnings.append(
            Diagnostic(
              "source \(MessageText.quoted(source.name.name)): \(note)", severity: .warning, file: planner.spec.file,
              position: source.name.position))
        }
        return OpenSource(spec: source, content: .checkpoint(checkpoint))
      }
    }
    for source in sources where source.kind != .checkpoint {
      let base = source.base.flatMap { places[$0.name] }
      let checkpoint = source.base.flatMap { opened[$0.name]?.checkpoint }
      guard source.base == nil || checkpoint != nil else { continue }
      opened[source.name.name] = open(source) { (planner) throws(CheckpointError) in
        if case .adapter = source.kind { return try planner.adapter(source, base: base, checkpoint) }
        let archive = try Archive.open(
          source.path, policy: planner.options.readPolicy, maximumHeaderBytes: planner.options.maximumHeaderBytes)
        return OpenSource(spec: source, content: .archive(try OpenArchive(archive, base: base, checkpoint)))
      }
    }
    return sources.compactMap { opened[$0.name.name] }
  }

  /// Opens an adapter and joins it with its base.
  private mutating func adapter(
    _ source: SourceSpec, base: Int?, _ checkpoint: Checkpoint?
  ) throws(CheckpointError) -> OpenSource {
    let adapter = try Adapter.open(
      source.path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
    for note in adapter.notes {
      warnings.append(
        Diagnostic(
          "source \(MessageText.quoted(source.name.name)): \(note)", severity: .warning, file: spec.file,
          position: source.name.position))
    }
    return OpenSource(spec: source, content: .adapter(try OpenAdapter(adapter, base: base, checkpoint)))
  }

  /// Opens all sources of coefficients, by name.
  mutating func openCoefficients() -> [String: CoefficientFile] {
    var files: [String: CoefficientFile] = [:]
    for source in spec.sources where source.kind == .coefficients {
      files[source.name.name] = open(source) { (planner) throws(CheckpointError) in
        try CoefficientFile(
          source.path, policy: planner.options.readPolicy, maximumHeaderBytes: planner.options.maximumHeaderBytes)
      }
    }
    return files
  }

  private mutating func open<Content>(
    _ source: SourceSpec, _ body: (inout Planner) throws(CheckpointError) -> Content
  ) -> Content? {
    do {
      return try body(&self)
    } catch {
      diagnostics.append(
        Diagnostic(
          "source \(MessageText.quoted(source.name.name)): \(error)", file: spec.file, position: source.name.position))
      return nil
    }
  }
}
