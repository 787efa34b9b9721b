internal import WeirIO
internal import WeirOps

/// Collects the named definitions of a JSON Schema while forms describe themselves.
final class SchemaBuilder {
  private(set) var definitions: [(String, JSONValue)] = []

  /// A reference to a definition, which is made the first time that its name is met.
  func define(_ name: String, _ make: () -> JSONValue) -> JSONValue {
    if !definitions.contains(where: { $0.0 == name }) {
      let place = definitions.count
      definitions.append((name, .null))
      definitions[place].1 = make()
    }
    return .object([("$ref", .string("#/$defs/\(Self.escaped(name))"))])
  }

  /// The schema, or a variable in its place.
  func orVariable(_ schema: JSONValue) -> JSONValue {
    .object([("anyOf", .array([schema, variable]))])
  }

  /// An object that has the keys of a table and no others.
  func object(_ table: KeyTable) -> JSONValue {
    let properties = table.keys.map { key -> (String, JSONValue) in
      (key.name, key.schema(self).setting("description", to: .string(key.summary)))
    }
    var members: [(String, JSONValue)] = [("type", .string("object")), ("properties", .object(properties))]
    let required = table.keys.filter(\.isRequired).map { JSONValue.string($0.name) }
    if !required.isEmpty { members.append(("required", .array(required))) }
    if !table.alternatives.isEmpty {
      let choices = table.alternatives.map { JSONValue.object([("required", .array([.string($0)]))]) }
      members.append(("oneOf", .array(choices)))
    }
    members.append(("additionalProperties", .bool(false)))
    return .object(members)
  }

  /// One node: `op` decides which other keys it takes.
  var node: JSONValue {
    define("node") {
      let operations = Operations.all.compactMap { declaration -> JSONValue? in
        guard let table = NodeKeys.tables[declaration.name] else { return nil }
        let body = define("node \(declaration.name)") {
          object(table).setting("description", to: .string("\(declaration.summary)."))
        }
        let op = JSONValue.object([("op", .object([("const", .string(declaration.name))]))])
        return .object([("if", .object([("properties", op)])), ("then", body)])
      }
      let names = JSONValue.object([("enum", .array(Operations.names.map { .string($0) }))])
      return .object([
        ("type", .string("object")), ("required", .array([.string(NodeKeys.op.name)])),
        ("properties", .object([(NodeKeys.op.name, orVariable(names))])), ("allOf", .array(operations)),
      ])
    }
  }

  /// One output: `to` and `codec` decide which other keys it takes.
  var output: JSONValue {
    define("output") {
      let plain = define("output of a model") { object(OutputKeys.table) }
      let archive = self.archive
      let text = ("type", JSONValue.string("string"))
      let suffix = ("pattern", JSONValue.string("\\.tv\\.safetensors$"))
      return .object([
        ("type", .string("object")), ("required", .array(OutputKeys.place.map { .string($0.name) })),
        ("properties", .object(OutputKeys.place.map { ($0.name, $0.schema(self)) })),
        (
          "allOf",
          .array([
            Self.when("to", is: [text, ("not", .object([suffix]))], then: plain),
            Self.when("to", is: [text, suffix], then: archive),
            Self.when("to", is: [("type", .string("object"))], then: .object([("anyOf", .array([plain, archive]))])),
          ])
        ),
      ])
    }
  }

  private var archive: JSONValue {
    define("output of an archive") {
      let codec = ArchiveKeys.codec
      let named = Codecs.all.map { declaration in
        Self.when(codec.name, is: [("const", .string(declaration.name))], then: archive(by: declaration))
      }
      let rules = define("archive by rules") { object(ArchiveKeys.rulesTable) }
      let isUnnamed = JSONValue.object([("not", .object([("required", .array([.string(codec.name)]))]))])
      let others = [
        Self.when(codec.name, is: [("type", .string("array"))], then: rules),
        .object([("if", isUnnamed), ("then", archive(by: Codecs.standard))]),
      ]
      return .object([
        ("type", .string("object")), ("properties", .object([(codec.name, codec.schema(self))])),
        ("allOf", .array(named + others)),
      ])
    }
  }

  private func archive(by codec: MethodDeclaration) -> JSONValue {
    define("archive \(codec.name)") {
      object(ArchiveKeys.tables[codec.name] ?? ArchiveKeys.lenientTable)
        .setting("description", to: .string("\(codec.summary)."))
    }
  }

  /// One rule of an archive: `codec` decides which other keys it takes.
  var codecRule: JSONValue {
    define("codec rule") {
      let rules = Codecs.all.compactMap { declaration -> JSONValue? in
        guard let table = CodecRuleKeys.tables[declaration.name] else { return nil }
        return Self.when(
          "codec", is: [("const", .string(declaration.name))],
          then: define("codec rule \(declaration.name)") { object(table) })
      }
      return .object([
        ("type", .string("object")), ("required", .array([.string("codec")])),
        ("properties", .object([("codec", CodecRuleKeys.codec.schema(self))])), ("allOf", .array(rules)),
      ])
    }
  }

  /// What holds where a key is there and its value is as `schema` says.
  private static func when(_ key: String, is schema: [(String, JSONValue)], then result: JSONValue) -> JSONValue {
    let condition = JSONValue.object([
      ("required", .array([.string(key)])), ("properties", .object([(key, .object(schema))])),
    ])
    return .object([("if", condition), ("then", result)])
  }

  private var variable: JSONValue {
    define("variable") {
      .object([
        ("type", .string("object")), ("description", .string("The value of a declared variable.")),
        ("properties", .object([("var", .object([("type", .string("string"))])), ("note", .object([]))])),
        ("required", .array([.string("var")])), ("additionalProperties", .bool(false)),
      ])
    }
  }

  /// A name as a part of a URI fragment that holds a JSON pointer.
  private static func escaped(_ name: String) -> String {
    name.utf8.reduce(into: "") { result, byte in
      switch byte {
      case UInt8(ascii: "~"): result += "~0"
      case UInt8(ascii: "/"): result += "~1"
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
  }
}
