internal import WeirIO
internal import WeirTensors

// The forms of single values: words, numbers, names.

extension Form where Value == String {
  /// Any string, written out: a text for people or editors.
  static func text(_ expected: String) -> Form {
    let schema = JSONValue.object([("type", .string("string"))])
    return Form(expected, takesVariable: false, schema: { _ in schema }) { value, place, reader in
      guard let text = value.string else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return text
    }
  }

  /// A string that is not empty and has no control character in it: a name, a path, a glob.
  static func name(_ expected: String) -> Form {
    let schema = JSONValue.object([("type", .string("string")), ("minLength", .number(1))])
    return Form(expected, schema: { _ in schema }) { value, place, reader in
      guard let text = value.string else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      guard !text.isEmpty, !text.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
        let found = text.isEmpty ? "empty" : "has a control character in it"
        reader.error(at: value.offset, "\(place.text) \(text.isEmpty ? "is " : "")\(found), expected \(expected)")
        return nil
      }
      return text
    }
  }

  /// One of a few words; `aliases` are other spellings, which messages do not list.
  static func word(of words: [String], aliases: [String] = []) -> Form {
    let expected = Wording.list(words)
    let words = words + aliases
    let schema = JSONValue.object([("enum", .array(words.map { .string($0) }))])
    return Form(expected, schema: { _ in schema }) { value, place, reader in
      guard let word = value.string else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      guard words.contains(word) else {
        let hint = reader.hint(for: word, in: words)
        reader.error(
          at: value.offset, "\(place.text) is \(MessageText.quoted(word)), expected \(expected)\(hint)")
        return nil
      }
      return word
    }
  }
}

extension Form where Value: RawRepresentable<String> & CaseIterable {
  /// One of the words that an enumeration spells.
  static var word: Form {
    Form<String>.word(of: Value.allCases.map(\.rawValue)).map { word, _, _ in Value(rawValue: word) }
  }
}

extension Form where Value == Reference {
  /// The name of a source.
  static var source: Form {
    Form<String>.name("the name of a source").map { name, value, reader in
      Reference(name: name, position: reader.position(value.offset))
    }
  }

  /// The name of a node or a source.
  static var reference: Form {
    Form<String>.name("the name of a node or source").named("reference").map { name, value, reader in
      Reference(name: name, position: reader.position(value.offset))
    }
  }
}

extension Form where Value == Glob {
  /// A pattern over tensor names.
  static var glob: Form { Form<String>.name("a glob over tensor names").map { pattern, _, _ in Glob(pattern) } }
}

extension Form where Value == Bool {
  static var flag: Form {
    let expected = "true or false"
    return Form(expected, schema: { _ in .object([("type", .string("boolean"))]) }) { value, place, reader in
      guard let flag = value.bool else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return flag
    }
  }
}

extension Form where Value == Int {
  /// A whole number, of those that a `Double` and other readers of JSON hold exactly.
  static func integer(in range: ClosedRange<Int>) -> Form {
    let range = range.clamped(to: -(1 << 53)...(1 << 53))
    let expected = "a whole number in [\(range.lowerBound), \(range.upperBound)]"
    let description = JSONValue.object([
      ("type", .string("integer")), ("minimum", .number(range.lowerBound)), ("maximum", .number(range.upperBound)),
    ])
    return Form(expected, schema: { _ in description }) { value, place, reader in
      guard let number = value.int, range.contains(number) else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return number
    }
  }
}

extension Form where Value == Range<Int> {
  /// A run of layers: `[first, end]`, the end not in it.
  static var layers: Form {
    let expected = "[first, end] with 0 ≤ first < end"
    let number = JSONValue.object([("type", .string("integer")), ("minimum", .number(0))])
    let schema = JSONValue.object([
      ("type", .string("array")), ("items", number), ("minItems", .number(2)), ("maxItems", .number(2)),
    ])
    return Form(expected, schema: { _ in schema }) { value, place, reader in
      guard let elements = value.array else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      let numbers = elements.compactMap(\.int)
      guard numbers.count == 2, elements.count == 2, numbers[0] >= 0, numbers[0] < numbers[1] else {
        let found = elements.map(Wording.found).joined(separator: ", ")
        reader.error(at: value.offset, "\(place.text) is [\(found)], expected \(expected)")
        return nil
      }
      return numbers[0]..<numbers[1]
    }
  }
}
