internal import WeirIO
internal import WeirTensors

/// What may stand at one place of the language: how messages name it, how the schema describes it, how it is read.
///
/// Parser and schema both work from forms, so neither can know a value that the other does not.
struct Form<Value: Sendable>: Sendable {
  /// `a number in [0, 1]`, to follow the word "expected".
  let expected: String
  /// Whether `{"var": …}` may stand instead.
  let takesVariable: Bool
  /// The JSON Schema of a value that is written out, not a variable.
  let bare: @Sendable (SchemaBuilder) -> JSONValue
  private let parse: @Sendable (JSONValue, Place, Reader) -> Value?

  /// Makes a form.
  ///
  /// - Parameters:
  ///   - expected: what messages call a value of the form.
  ///   - takesVariable: false only where an object's keys are names of the user's own.
  ///   - schema: describes a value.
  ///   - parse: reads a value; returns `nil` after it has reported what is wrong.
  init(
    _ expected: String, takesVariable: Bool = true, schema: @escaping @Sendable (SchemaBuilder) -> JSONValue,
    parse: @escaping @Sendable (JSONValue, Place, Reader) -> Value?
  ) {
    self.expected = expected
    self.takesVariable = takesVariable
    bare = schema
    self.parse = parse
  }

  /// Reads what stands at `place`; `nil` after a report.
  func read(_ value: JSONValue, at place: Place, _ reader: Reader) -> Value? {
    guard takesVariable else { return parse(value, place, reader) }
    return reader.resolve(value).flatMap { parse($0, place, reader) }
  }

  /// The JSON Schema of a value.
  func schema(_ builder: SchemaBuilder) -> JSONValue {
    takesVariable ? builder.orVariable(bare(builder)) : bare(builder)
  }

  /// The same form, described once under a name of its own where a schema would repeat it.
  func named(_ name: String) -> Form {
    let bare = self.bare
    return Form(
      expected, takesVariable: takesVariable, schema: { builder in builder.define(name) { bare(builder) } },
      parse: parse)
  }

  /// The same form for another type.
  func map<Other>(_ transform: @escaping @Sendable (Value, JSONValue, Reader) -> Other?) -> Form<Other> {
    let parse = self.parse
    return Form<Other>(expected, takesVariable: takesVariable, schema: bare) { value, place, reader in
      parse(value, place, reader).flatMap { transform($0, value, reader) }
    }
  }
}

/// One key of an object: its name, what may stand there, and what it means.
struct Key<Value: Sendable>: ObjectKey {
  let name: String
  let form: Form<Value>
  let isRequired: Bool
  let summary: String

  init(_ name: String, _ form: Form<Value>, required: Bool = false, _ summary: String) {
    self.name = name
    self.form = form
    isRequired = required
    self.summary = summary
  }

  var expected: String { form.expected }

  func read(_ value: JSONValue, at place: Place, _ reader: Reader) -> (any Sendable)? {
    form.read(value, at: place, reader)
  }

  func schema(_ builder: SchemaBuilder) -> JSONValue { form.schema(builder) }
}

/// A key whose type of value does not matter: what a table of keys holds.
protocol ObjectKey: Sendable {
  var name: String { get }
  var isRequired: Bool { get }
  var summary: String { get }
  var expected: String { get }

  func read(_ value: JSONValue, at place: Place, _ reader: Reader) -> (any Sendable)?
  func schema(_ builder: SchemaBuilder) -> JSONValue
}

/// The keys of one kind of object: the one list that reading, messages and schema share.
struct KeyTable: Sendable {
  let keys: [any ObjectKey]
  /// Keys of which exactly one must be there.
  let alternatives: [String]
  /// What to say of a key that is not in the table, where there is more to say than that.
  let explain: @Sendable (String) -> Explanation?

  struct Explanation {
    /// `'codec' is …, expected …`
    let message: String
    /// A required key that is then not reported as missing.
    var standsFor: String?
  }

  /// Makes a table; every object also takes a note.
  init(
    _ keys: [any ObjectKey], exactlyOneOf alternatives: [String] = [],
    explain: @escaping @Sendable (String) -> Explanation? = { _ in nil }
  ) {
    self.keys = keys + [Key("note", .text("a text"), "A remark for people; it has no effect.")]
    self.alternatives = alternatives
    self.explain = explain
  }
}

/// The values of an object's keys, each read once.
struct Fields {
  fileprivate var values: [String: any Sendable] = [:]
  fileprivate var offsets: [String: Int] = [:]

  /// The value of a key; `nil` where it is absent or was refused.
  subscript<Value>(key: Key<Value>) -> Value? { value(of: key.name) }

  /// The value of a key that is known by its name only; `nil` where it is absent, was refused or is another type's.
  func value<Value>(of name: String) -> Value? { values[name] as? Value }

  /// Where the value of a key stands, even if it was refused; `nil` where it is absent.
  func offset(of name: String) -> Int? { offsets[name] }
}

extension Reader {
  /// Reads an object by a table of keys and reports all that is wrong; `nil` where the value is not an object.
  func fields(of value: JSONValue, at place: Place, expected: String, _ table: KeyTable) -> Fields? {
    guard let members = value.object else {
      mismatch(value, at: place, expected: expected)
      return nil
    }
    var fields = Fields()
    var explained: Set<String> = []
    for member in members {
      guard let key = table.keys.first(where: { $0.name == member.key }) else {
        if let name = reportUnknown(member, at: place, table) { explained.insert(name) }
        continue
      }
      fields.offsets[key.name] = member.value.offset
      fields.values[key.name] = key.read(member.value, at: place.key(key.name), self)
    }
    for key in table.keys where key.isRequired && fields.offsets[key.name] == nil {
      guard !explained.contains(key.name) else { continue }
      error(at: value.offset, "\(place.prefix)key '\(key.name)' is missing, expected \(key.expected)")
    }
    if explained.isDisjoint(with: table.alternatives) { checkAlternatives(of: value, at: place, table, fields) }
    return fields
  }

  /// Reports a key that the table does not have; returns the key for which it stands.
  private func reportUnknown(_ member: JSONMember, at place: Place, _ table: KeyTable) -> String? {
    if let explanation = table.explain(member.key) {
      error(at: member.keyOffset, "\(place.prefix)\(explanation.message)")
      return explanation.standsFor
    }
    let names = table.keys.map(\.name)
    let hint = hint(for: member.key, in: names)
    let expected = hint.isEmpty ? ", expected \(Wording.list(names))" : hint
    error(at: member.keyOffset, "\(place.prefix)unknown key \(MessageText.quoted(member.key))\(expected)")
    return Suggestion.nearest(to: member.key, in: names)
  }

  private func checkAlternatives(of value: JSONValue, at place: Place, _ table: KeyTable, _ fields: Fields) {
    guard !table.alternatives.isEmpty else { return }
    let present = table.alternatives.filter { fields.offsets[$0] != nil }
    guard present.count != 1 else { return }
    error(
      at: value.offset,
      present.isEmpty
        ? "\(place.prefix)a key is missing, expected \(Wording.list(table.alternatives))"
        : "\(place.prefix)\(Wording.list(present, "and")) stand together, expected one of them; remove the other")
  }
}
