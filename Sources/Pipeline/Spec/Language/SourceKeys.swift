internal import WeirIO

/// The keys of a source that is more than a path.
enum SourceKeys {
  static let path = Key(
    "path", .name("a path"),
    "A folder, a `.safetensors` file or an index file; relative to the pipeline's file.")
  static let archive = Key(
    "archive", .name("the path of an archive"), "A `.tv.safetensors` file; relative to the pipeline's file.")
  static let adapter = Key(
    "adapter", .name("the folder of an adapter"),
    "The folder of a LoRA adapter as PEFT writes it, or its `adapter_model.safetensors`; relative to the pipeline's file."
  )
  static let base = Key(
    "base", Form<Reference>.source,
    "The source that an archive or an adapter applies to: the two together are a model. Without it either is a change.")
  static let space = Key(
    "space", Form<Space>.word, "Whether the checkpoint holds a model (`weight`, the default) or a change (`delta`).")

  static let coefficients = Key(
    "coefficients", .name("the path of a file of coefficients"),
    "A `.json` file of numbers by model and tensor, or a `.safetensors` file with a row for each model; relative to the "
      + "pipeline's file.")

  static let table = KeyTable(
    [path, archive, adapter, coefficients, base, space] as [any ObjectKey],
    exactlyOneOf: [path.name, archive.name, adapter.name, coefficients.name])
}

extension Form<[Named<SourceSpec>]> {
  /// Paths by name, or objects that carry more.
  static var sources: Form {
    let expected = "a path or an object with 'path', 'archive', 'adapter' or 'coefficients'"
    let object = Form<SourceBody>.object(
      "an object with 'path', 'archive', 'adapter' or 'coefficients'", SourceKeys.table
    ) {
      fields, _, place, reader in reader.body(fields, at: place)
    }
    let path = Form<SourceBody>("a path", schema: SourceKeys.path.form.bare) { value, place, reader in
      guard let path = SourceKeys.path.form.read(value, at: place, reader) else { return nil }
      guard !path.hasSuffix(ArchiveSpec.suffix) else {
        reader.error(
          at: value.offset,
          "\(place.text) is the archive \(MessageText.quoted(path)), expected it under 'archive' in an object, with 'base' "
            + "to be a model and without to be a change")
        return nil
      }
      return SourceBody(path: path, kind: .checkpoint, space: .weight)
    }
    let entry = Form<SourceBody>(
      expected,
      schema: { builder in
        builder.define("source") { .object([("anyOf", .array([path.bare(builder), object.bare(builder)]))]) }
      },
      parse: { value, place, reader in
        switch value.content {
        case .string: return path.read(value, at: place, reader)
        case .object: return object.read(value, at: place, reader)
        default:
          reader.mismatch(value, at: place, expected: expected)
          return nil
        }
      })
    return .map("an object of names and sources", noun: "source", schema: entry.schema) { name, value, place, reader in
      entry.read(value, at: place, reader).map { body in
        SourceSpec(name: name, path: reader.paths.resolve(body.path), kind: body.kind, space: body.space)
      }
    }
  }
}

/// A source without its name.
private struct SourceBody: Sendable {
  let path: String
  let kind: SourceSpec.Kind
  let space: Space
}

extension Reader {
  /// The source of an object's fields; `nil` after a report.
  fileprivate func body(_ fields: Fields, at place: Place) -> SourceBody? {
    if fields.offset(of: SourceKeys.coefficients.name) != nil { return coefficients(fields, at: place) }
    if fields.offset(of: SourceKeys.archive.name) != nil || fields.offset(of: SourceKeys.adapter.name) != nil {
      return applied(fields, at: place)
    }
    if let offset = fields.offset(of: SourceKeys.base.name) {
      error(
        at: offset,
        "\(place.prefix)'base' stands beside a checkpoint, expected it beside 'archive' or 'adapter'; remove it")
    }
    guard let path = fields[SourceKeys.path] else { return nil }
    if path.hasSuffix(ArchiveSpec.suffix), let offset = fields.offset(of: SourceKeys.path.name) {
      error(
        at: offset,
        "\(place.prefix)'path' is the archive \(MessageText.quoted(path)), expected it under 'archive'; rename the key")
    }
    return SourceBody(path: path, kind: .checkpoint, space: fields[SourceKeys.space] ?? .weight)
  }

  /// A source that applies to another: a weight with its base, a delta without.
  private func applied(_ fields: Fields, at place: Place) -> SourceBody? {
    let base = fields[SourceKeys.base]
    if let offset = fields.offset(of: SourceKeys.space.name) {
      let kind = fields.offset(of: SourceKeys.archive.name) != nil ? "an archive" : "an adapter"
      error(
        at: offset,
        "\(place.prefix)'space' stands beside \(kind), which is a weight with 'base' and a delta without; remove it")
    }
    let space = fields.offset(of: SourceKeys.base.name) == nil ? Space.delta : .weight
    if let path = fields[SourceKeys.archive] {
      return SourceBody(path: path, kind: .archive(base: base), space: space)
    }
    return fields[SourceKeys.adapter].map { SourceBody(path: $0, kind: .adapter(base: base), space: space) }
  }

  /// A source of coefficients, which is neither a weight nor a delta and applies to nothing.
  private func coefficients(_ fields: Fields, at place: Place) -> SourceBody? {
    for key in [SourceKeys.space.name, SourceKeys.base.name] {
      guard let offset = fields.offset(of: key) else { continue }
      error(at: offset, "\(place.prefix)'\(key)' stands beside coefficients, expected them alone; remove it")
    }
    return fields[SourceKeys.coefficients].map { SourceBody(path: $0, kind: .coefficients, space: .weight) }
  }
}
