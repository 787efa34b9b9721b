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
