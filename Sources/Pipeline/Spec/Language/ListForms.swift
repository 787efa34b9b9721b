internal import WeirIO

// The forms of objects and arrays, made from the forms of what is in them.

extension Form {
  /// An object of the keys of a table.
  static func object(
    _ expected: String, _ table: KeyTable,
    make: @escaping @Sendable (Fields, JSONValue, Place, Reader) -> Value?
  ) -> Form {
    Form(expected, schema: { $0.object(table) }) { value, place, reader in
      reader.fields(of: value, at: place, expected: expected, table).flatMap { make($0, value, place, reader) }
    }
  }

  /// An array of `count` values of one form.
  ///
  /// - Parameters:
  ///   - expected: what messages call the array.
  ///   - element: the form of each value.
  ///   - noun: what messages call one element, `model`; `nil` where it has no name of its own.
  ///   - count: how many there may be.
  static func list<Element>(
    _ expected: String, of element: Form<Element>, noun: String?, count: ClosedRange<Int> = 1...Int.max
  ) -> Form where Value == [Element] {
    Form(
      expected,
      schema: { builder in
        var schema = [("type", JSONValue.string("array")), ("items", element.schema(builder))]
        if count.lowerBound > 0 { schema.append(("minItems", .number(count.lowerBound))) }
        if count.upperBound < .max { schema.append(("maxItems", .number(count.upperBound))) }
        return .object(schema)
      },
      parse: { value, place, reader in
        guard let elements = value.array else {
          reader.mismatch(value, at: place, expected: expected)
          return nil
        }
        let entry = noun ?? "entry"
        if !count.contains(elements.count) {
          let expected = Wording.count(count, entry)
          reader.error(
            at: value.offset, "\(place.text) has \(Wording.count(elements.count, entry)), expected \(expected)")
        }
        return elements.enumerated().compactMap { number, value in
          element.read(value, at: place.element(number + 1, noun: noun), reader)
        }
      })
  }

  /// An object whose keys are names of the user's own; `note` is a remark there too, never a name.
  ///
  /// - Parameters:
  ///   - expected: what messages call the object.
  ///   - noun: what messages call one entry, `node`.
  ///   - schema: the form of each entry, for the schema.
  ///   - read: reads one entry.
  static func map<Entry>(
    _ expected: String, noun: String, schema: @escaping @Sendable (SchemaBuilder) -> JSONValue,
    read: @escaping @Sendable (Reference, JSONValue, Place, Reader) -> Entry?
  ) -> Form where Value == [Named<Entry>] {
    let description: @Sendable (SchemaBuilder) -> JSONValue = { builder in
      .object([
        ("type", .string("object")), ("propertyNames", .object([("minLength", .number(1))])),
        ("properties", .object([("note", Form<String>.text("a text").bare(builder))])),
        ("additionalProperties", schema(builder)),
      ])
    }
    return Form(expected, takesVariable: false, schema: description) { value, place, reader in
      guard let members = value.object else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return members.compactMap { member in
        guard !reader.passesNote(member, at: place) else { return nil }
        let name = Reference(name: member.key, position: reader.position(member.keyOffset))
        if member.key.isEmpty {
          reader.error(at: member.keyOffset, "\(place.text) has an empty name, expected a name for the \(noun)")
        }
        let place = Place("\(noun) \(MessageText.quoted(member.key))")
        return Named(name: name, value: read(name, member.value, place, reader))
      }
    }
  }
}

/// An entry of an object whose keys are names of the user's own; its value is `nil` where it was refused.
struct Named<Value: Sendable>: Sendable {
  let name: Reference
  let value: Value?
}
