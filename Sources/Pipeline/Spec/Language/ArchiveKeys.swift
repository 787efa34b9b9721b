internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The codecs that an output may name.
enum Codecs {
  static let all = CodecRegistry.all.map { $0.declaration }
  static let names = CodecRegistry.names
  /// What an archive is coded by where nothing is said: the first.
  static let standard = all[0]

  static func named(_ name: String) -> MethodDeclaration? { CodecRegistry.declaration(named: name) }

  /// The names of the parameters of all.
  static let parameters = Set(all.flatMap { $0.parameters.map(\.name) }).sorted()

  /// The names of those that have a parameter.
  static func taking(_ parameter: String) -> [String] { all.filter { $0[parameter: parameter] != nil }.map(\.name) }
}

/// What `codec` says: one codec, whose parameters stand beside it, or rules that carry their own.
enum CodecChoice: Sendable {
  case named(MethodDeclaration)
  case rules([CodecRule])
}

/// The keys that make an output an archive.
enum ArchiveKeys {
  static let codec = Key(
    "codec", Form<CodecChoice>.codecs,
    "How the change is made small: a codec, `ternary` by default, or rules of which the first that matches holds.")
  static let base = Key(
    "base", Form<Reference>.source,
    "The source that the archive applies to; a model is compared with it, of a change it may be left out.")
  static let targetSize = Key(
    "target_size", Form<Int>.byteCount,
    "The most bytes of the whole file: `\"500MB\"` or a number. Densities that are not given are chosen to fit.")

  static let keys: [any ObjectKey] = [codec, base, targetSize]

  /// All keys of an output that names one codec, by its name.
  static let tables = Dictionary(uniqueKeysWithValues: Codecs.all.map { ($0.name, table(for: $0)) })

  /// All keys of an output whose codec is told by rules.
  static let rulesTable = KeyTable(OutputKeys.place + keys + SelectionKeys.keys) { key in
    guard Codecs.taking(key).isEmpty else {
      return .init(message: "'\(key)' stands beside rules, expected in one of them; move it there")
    }
    return explain(key)
  }

  /// All keys of an output whose codec is none that is known.
  static let lenientTable = KeyTable(
    OutputKeys.place + keys + Codecs.parameters.map { Key($0, .ignored, "") } + SelectionKeys.keys, explain: explain)

  private static func table(for declaration: MethodDeclaration) -> KeyTable {
    let parameters = declaration.parameters.map { ParameterKey.key(for: $0, isRequired: $0.standard == nil) }
    return KeyTable(OutputKeys.place + keys + parameters as [any ObjectKey] + SelectionKeys.keys) { key in
      explain(key) ?? ParameterKey.explain(key, foreignTo: declaration, among: Codecs.all)
    }
  }

  /// What to say of the keys of other outputs.
  private static func explain(_ key: String) -> KeyTable.Explanation? {
    switch key {
    case OutputKeys.dtype.name:
      .init(message: "'dtype' stands beside an archive, which keeps every tensor's type; remove it, or cast in a node")
    case OutputKeys.shardSize.name:
      .init(message: "'shard_size' stands beside an archive, which is one file; remove it")
    default: nil
    }
  }

  /// What to say of an archive's key on another output.
  static func explainElsewhere(_ key: String) -> KeyTable.Explanation? {
    guard keys.contains(where: { $0.name == key }) || !Codecs.taking(key).isEmpty else { return nil }
    return .init(
      message: "'\(key)' belongs to archives, expected a 'to' that ends in '\(ArchiveSpec.suffix)'; remove one")
  }
}

extension Form<Void> {
  /// Anything at all.
  fileprivate static var ignored: Form { Form("a value", schema: { _ in .object([]) }) { _, _, _ in () } }
}

extension Form<CodecChoice> {
  /// The name of a codec, or rules.
  fileprivate static var codecs: Form {
    let name = Form<MethodDeclaration>.codec
    let rules = Form<[CodecRule]>.list("rules", of: .codecRule, noun: nil)
    return Form(
      "the name of a codec, or rules",
      schema: { .object([("anyOf", .array([name.bare($0), rules.bare($0)]))]) },
      parse: { value, place, reader in
        guard value.array != nil else { return name.read(value, at: place, reader).map { .named($0) } }
        return rules.read(value, at: place, reader).map { rules in
          reader.checkReach(of: rules.map { ($0.glob, $0.position) }, at: place)
          return .rules(rules)
        }
      }
    ).named("codec")
  }
}

extension Form<MethodDeclaration> {
  /// The name of a codec.
  fileprivate static var codec: Form {
    Form<String>.word(of: Codecs.names).map { name, _, _ in Codecs.named(name) }
  }
}

/// The keys of a rule for codecs.
enum CodecRuleKeys {
  static let glob = Key("for", Form<Glob>.glob, "The tensor names that the rule holds for; all without it.")
  static let codec = Key("codec", Form<MethodDeclaration>.codec, required: true, "The codec.")

  /// All keys of a rule, by the name of its codec.
  static let tables = Dictionary(
    uniqueKeysWithValues: Codecs.all.map { declaration in
      let parameters = declaration.parameters.map { ParameterKey.key(for: $0, isRequired: $0.standard == nil) }
      let table = KeyTable([glob, codec] + parameters as [any ObjectKey]) { key in
        ParameterKey.explain(key, foreignTo: declaration, among: Codecs.all)
      }
      return (declaration.name, table)
    })

  /// All keys of a rule whose codec is none that is known.
  static let lenientTable = KeyTable(
    [glob, codec] as [any ObjectKey]
      + Codecs.parameters.map { Key($0, .ignored, "") })
}

extension Form<CodecRule> {
  fileprivate static var codecRule: Form {
    let expected = "an object with 'codec'"
    return Form(
      expected, schema: { $0.codecRule },
      parse: { value, place, reader in
        let declaration = reader.codec(under: CodecRuleKeys.codec.name, of: value)
        let table = declaration.flatMap { CodecRuleKeys.tables[$0.name] } ?? CodecRuleKeys.lenientTable
        guard let fields = reader.fields(of: value, at: place, expected: expected, table),
          let codec = fields[CodecRuleKeys.codec]
        else { return nil }
        return CodecRule(
          glob: fields[CodecRuleKeys.glob], codec: codec, parameters: fields.parameters(codec.parameters),
          position: reader.position(value.offset))
      })
  }
}

extension Reader {
  /// The codec that a key names; of a misspelt one the nearest, so that the rest can be checked.
  ///
  /// Reports nothing: the key's own form does.
  fileprivate func codec(under key: String, of object: JSONValue) -> MethodDeclaration? {
    guard let name = object[key].flatMap(resolve)?.string else { return nil }
    return Codecs.named(name) ?? Suggestion.nearest(to: name, in: Codecs.names).flatMap(Codecs.named)
  }

  /// The keys of an output that is an archive.
  func archiveTable(for output: JSONValue) -> KeyTable {
    let key = ArchiveKeys.codec.name
    guard let value = output[key] else {
      return ArchiveKeys.tables[Codecs.standard.name] ?? ArchiveKeys.lenientTable
    }
    if resolve(value)?.array != nil { return ArchiveKeys.rulesTable }
    return codec(under: key, of: output).flatMap { ArchiveKeys.tables[$0.name] } ?? ArchiveKeys.lenientTable
  }

  /// How an archive is made, from the fields of its output.
  func archive(_ fields: Fields, of value: JSONValue, at place: Place) -> ArchiveSpec {
    let position = self.position(fields.offset(of: ArchiveKeys.codec.name) ?? value.offset)
    var rules: [CodecRule]
    switch fields[ArchiveKeys.codec] ?? .named(Codecs.standard) {
    case .named(let codec):
      let parameters = fields.parameters(codec.parameters)
      rules = [CodecRule(glob: nil, codec: codec, parameters: parameters, position: position)]
    case .rules(let given):
      rules = given
      if !(given.last.map { $0.glob?.matchesAll ?? true } ?? false) {
        rules.append(CodecRule(glob: nil, codec: Codecs.standard, parameters: [:], position: position))
      }
    }
    checkDensity(of: rules, fields, at: place)
    let base = fields[ArchiveKeys.base]
    return ArchiveSpec(
      rules: rules, base: base, targetBytes: fields[ArchiveKeys.targetSize],
      hasBadBase: base == nil && fields.offset(of: ArchiveKeys.base.name) != nil)
  }

  /// Reports a size to reach where there is nothing left to choose.
  private func checkDensity(of rules: [CodecRule], _ fields: Fields, at place: Place) {
    guard let offset = fields.offset(of: ArchiveKeys.targetSize.name), fields[ArchiveKeys.targetSize] != nil,
      fields.offset(of: ArchiveKeys.codec.name) == nil || fields[ArchiveKeys.codec] != nil,
      !rules.contains(where: \.hasFreeDensity)
    else { return }
    let isGiven = rules.contains { $0.codec[parameter: "density"] != nil }
    error(
      at: offset,
      "\(place.prefix)'target_size' chooses densities, "
        + (isGiven
          ? "and all of them are given; remove 'target_size' or a 'density'"
          : "expected a codec that has one: \(Wording.list(Codecs.taking("density")))"))
  }
}

extension Glob {
  /// Whether there is no name that it does not match.
  var matchesAll: Bool { !pattern.isEmpty && pattern.allSatisfy { $0 == "*" } }
}
