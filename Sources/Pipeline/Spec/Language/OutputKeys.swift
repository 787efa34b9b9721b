internal import WeirIO
internal import WeirTensors

/// The keys of an output.
enum OutputKeys {
  static let from = Key("from", Form<Reference>.reference, required: true, "The node or source that is written.")
  static let to = Key(
    "to", .name("a folder, a '.safetensors' file, a '.tv.safetensors' archive or 'digest:NAME'"), required: true,
    "A folder, a `.safetensors` file, a `.tv.safetensors` archive, or `digest:NAME` for a hash of what would have been "
      + "written.")
  static let dtype = Key(
    "dtype", Form<DTypeChoice>.dtypes, "The element type, or rules for it; `same` (the default) keeps the base's.")
  static let shardSize = Key(
    "shard_size", Form<Int>.byteCount, "The most bytes in one file of a folder: `\"5GB\"` (the default) or a number.")

  static let donor = Key(
    "donor", Form<Reference>.reference,
    "The node or source whose config and side files a folder gets; that which leads by default.")
  static let chatTemplate = Key(
    "chat_template", Form<ChatTemplate>.chatTemplate,
    "A chat template: `auto` for the one that most models have, a well-known name, or Jinja; the donor's by default.")

  /// What every output has.
  static let place: [any ObjectKey] = [from, to]

  /// All keys of an output that is no archive.
  static let table = KeyTable(
    place + [dtype, shardSize, donor, chatTemplate] as [any ObjectKey] + SelectionKeys.keys,
    explain: ArchiveKeys.explainElsewhere)
}

extension Form<OutputSpec> {
  /// One output: where it goes decides which other keys it takes.
  static var output: Form {
    let expected = "an object with 'from' and 'to'"
    return Form(
      expected, schema: { $0.output },
      parse: { value, place, reader in
        let isArchive = value.object != nil && reader.writesArchive(value)
        let table = isArchive ? reader.archiveTable(for: value) : OutputKeys.table
        guard let fields = reader.fields(of: value, at: place, expected: expected, table) else { return nil }
        let destination = reader.destination(fields[OutputKeys.to], of: fields[OutputKeys.from], at: place, fields)
        let archive = isArchive ? reader.archive(fields, of: value, at: place) : nil
        guard let from = fields[OutputKeys.from], let destination else { return nil }
        if case .file = destination {
          for key in [OutputKeys.shardSize.name, OutputKeys.donor.name, OutputKeys.chatTemplate.name] {
            guard let offset = fields.offset(of: key) else { continue }
            reader.error(
              at: offset, "\(place.prefix)'\(key)' stands beside a single file, expected a folder in 'to'; remove one")
          }
        }
        return OutputSpec(
          from: from, destination: destination, dtype: fields[OutputKeys.dtype] ?? .same,
          shardBytes: fields[OutputKeys.shardSize] ?? OutputSpec.defaultShardBytes, filter: fields.filter,
          rename: fields.rename, donor: fields[OutputKeys.donor], chatTemplate: fields[OutputKeys.chatTemplate],
          archive: archive, position: reader.position(value.offset))
      })
  }
}

extension Reader {
  /// Whether an output's place is an archive's, by `-o` or else by its `to`.
  fileprivate func writesArchive(_ output: JSONValue) -> Bool {
    let place = paths.output ?? output[OutputKeys.to.name].flatMap(resolve)?.string
    return place?.hasSuffix(ArchiveSpec.suffix) ?? false
  }

  /// The place that `-o` or else `to` names; `nil` after a report.
  fileprivate func destination(
    _ to: String?, of from: Reference?, at place: Place, _ fields: Fields
  ) -> OutputSpec.Destination? {
    guard let text = paths.output ?? to else { return nil }
    do throws(OutputSpec.Destination.Refusal) {
      return try OutputSpec.Destination(text, default: from?.name ?? "") {
        paths.output == nil ? paths.resolve($0) : $0
      }
    } catch {
      if paths.output == nil {
        self.error(at: fields.offset(of: OutputKeys.to.name), "\(place.prefix)'to' \(error.text)")
      } else {
        self.error(at: nil, "-o \(error.text)")
      }
      return nil
    }
  }
}

extension OutputSpec.Destination {
  /// Why a text names no place to write to, to follow the name of its key.
  struct Refusal: Error { let text: String }

  /// Reads what is made from the form of a path: `digest:`, a file's suffix, else a folder.
  fileprivate init(_ text: String, default name: String, resolve: (String) -> String) throws(Refusal) {
    if text.hasPrefix("digest:") {
      let given = text.dropFirst("digest:".count)
      guard given.allSatisfy({ $0.isLetter || $0.isNumber || "._-".contains($0) }) else {
        throw Refusal(
          text: "is \(MessageText.quoted(text)), expected letters, digits, '.', '_' and '-' after 'digest:'")
      }
      self = .digest(given.isEmpty ? name : String(given))
      return
    }
    if text.hasSuffix(ArchiveSpec.suffix) {
      self = .archive(resolve(text))
      return
    }
    if let suffix = [".bin", ".pt", ".pth", ".ckpt", ".gguf", ".json", ".npz", ".zip"].first(where: text.hasSuffix) {
      throw Refusal(
        text: "is \(MessageText.quoted(text)), a '\(suffix)' file, which Weir does not write; "
          + "expected \(OutputKeys.to.expected)")
    }
    self = text.hasSuffix(".safetensors") ? .file(resolve(text)) : .folder(resolve(text))
  }
}

extension Form<DTypeChoice> {
  /// One word, or rules of which the first that matches holds.
  fileprivate static var dtypes: Form {
    let word = Form<DTypeChoice.Rule>.dtype
    let rules = Form<[DTypeChoice.Rule]>.list("rules", of: .dtypeRule(word), noun: nil)
    return Form(
      word.expected,
      schema: { .object([("anyOf", .array([word.bare($0), rules.bare($0)]))]) },
      parse: { value, place, reader in
        guard value.array != nil else { return word.read(value, at: place, reader).map { DTypeChoice([$0]) } }
        return rules.read(value, at: place, reader).map(DTypeChoice.init)
      })
  }
}

extension Form<DTypeChoice.Rule> {
  /// `same` or the name of a type, for every tensor.
  fileprivate static var dtype: Form {
    let names = DType.outputNames
    let types = names.compactMap { DType(outputName: $0) }
    let aliases = types.map(\.rawValue) + types.compactMap(\.torchName)
    return Form<String>.word(of: names + ["same"], aliases: aliases).map { word, _, _ in
      DTypeChoice.Rule(glob: nil, dtype: DType(outputName: word))
    }
  }

  fileprivate static func dtypeRule(_ word: Form) -> Form {
    let glob = Key("for", Form<Glob>.glob, "The tensor names that the rule holds for; all without it.")
    let value = Key("value", word, required: true, "The element type.")
    return .object("a rule", KeyTable([glob, value])) { fields, _, _, _ in
      fields[value].map { DTypeChoice.Rule(glob: fields[glob], dtype: $0.dtype) }
    }
  }
}

extension Form<Int> {
  /// A number of bytes, or a quantity with a unit.
  static var byteCount: Form {
    let expected = "a size such as '5GB' or a number of bytes"
    let schema = JSONValue.object([
      ("type", .array([.string("string"), .string("integer")])), ("minimum", .number(1)),
      ("pattern", .string("^[0-9]+(\\.[0-9]+)? ?([KMGTkmgt]?([iI]?[Bb])?)$")),
    ])
    return Form(expected, schema: { builder in builder.define("bytes") { schema } }) { value, place, reader in
      guard let count = value.int ?? value.string.flatMap({ Quantity.bytes($0) }), count > 0 else {
        let found = value.string.map(MessageText.quoted) ?? Wording.found(value)
        reader.error(at: value.offset, "\(place.text) is \(found), expected \(expected)")
        return nil
      }
      return count
    }
  }
}
