internal import WeirIO
internal import WeirOps
internal import WeirTensors

// The forms of parameters: numbers that may vary over layers and names, flags, choices.

extension Form where Value == Double {
  static func number(in bounds: Parameter.Bounds) -> Form {
    let expected = bounds == .any ? "a number" : "a number in \(bounds)"
    return Form(expected, schema: { _ in bounds.schema }) { value, place, reader in
      guard let number = value.double, bounds.contains(number) else {
        let isInfinite = if case .number = value.content { value.double == nil } else { false }
        reader.mismatch(value, at: place, expected: isInfinite && bounds == .any ? "a finite number" : expected)
        return nil
      }
      return number
    }
  }
}

extension Form where Value == NumberValue {
  /// A number, a ramp over the layers, or rules by name.
  static func varying(in bounds: Parameter.Bounds) -> Form {
    let number = Form<Double>.number(in: bounds)
    let ramp = Form<[Double]>.list("an array of numbers", of: number, noun: nil)
    let rampKey = Key("ramp", ramp, required: true, "Values spread evenly over the layers of a stack.")
    let outside = Key("outside", number, "The value of tensors in no layer, instead of the ramp's first and last.")
    let rampObject = Form.object("\(number.expected) or a ramp", KeyTable([rampKey, outside])) { fields, _, _, _ in
      fields[rampKey].flatMap { $0.isEmpty ? nil : .ramp($0, outside: fields[outside]) }
    }
    let rule = Form<NumberRule>.rule(number: number, ramp: ramp, outside: outside)
    let rules = Form<[NumberRule]>.list("rules", of: rule, noun: nil)
    return Form(
      number.expected,
      schema: { builder in
        builder.define("number in \(bounds)") {
          .object([("anyOf", .array([number.bare(builder), rampObject.bare(builder), rules.bare(builder)]))])
        }
      },
      parse: { value, place, reader in
        switch value.content {
        case .object: rampObject.read(value, at: place, reader)
        case .array:
          rules.read(value, at: place, reader).flatMap { rules in
            reader.checkReach(of: rules.map { ($0.glob, $0.position) }, at: place)
            return rules.isEmpty ? nil : .rules(rules)
          }
        default: number.read(value, at: place, reader).map(NumberValue.constant)
        }
      })
  }
}

extension Form where Value == NumberRule {
  fileprivate static func rule(number: Form<Double>, ramp: Form<[Double]>, outside: Key<Double>) -> Form {
    let glob = Key("for", Form<Glob>.glob, "The tensor names that the rule holds for; all without it.")
    let value = Key("value", number, "The number.")
    let ramp = Key("ramp", ramp, "Values spread evenly over the layers of a stack.")
    let table = KeyTable([glob, value, ramp, outside], exactlyOneOf: [value.name, ramp.name])
    return .object("a rule", table) { fields, json, place, reader in
      if fields.offset(of: value.name) != nil, let offset = fields.offset(of: outside.name) {
        reader.error(at: offset, "\(place.prefix)'outside' stands beside 'value', expected it beside 'ramp'; remove it")
      }
      let content =
        fields[value].map(NumberValue.constant) ?? fields[ramp].map { .ramp($0, outside: fields[outside]) }
      let position = reader.position(json.offset)
      return content.map { NumberRule(glob: fields[glob], value: $0, position: position) }
    }
  }
}

extension Reader {
  /// Reports the rules that stand after one that holds for every name.
  func checkReach(of rules: [(glob: Glob?, position: Position)], at place: Place) {
    guard let last = rules.firstIndex(where: { $0.glob.map { $0.pattern == "*" } ?? true }),
      last + 1 < rules.count
    else { return }
    error(
      at: rules[last + 1].position.offset,
      "\(place.text) entry \(last + 2) is never reached, expected the rule for all names last; entry \(last + 1) "
        + "holds for every name")
  }
}

extension Form where Value == ParameterValue {
  /// The value of a declared parameter.
  static func parameter(_ parameter: Parameter) -> Form {
    switch parameter.kind {
    case .number(let bounds): of(.varying(in: bounds)) { .number($0) }
    case .integer(let range): of(.integer(in: range)) { .number(.constant(Double($0))) }
    case .flag: of(.flag) { .flag($0) }
    case .choice(let words): of(.word(of: words)) { .choice($0) }
    case .tensors: of(.reference) { .reference($0) }
    case .coefficients: of(.source) { .reference($0) }
    }
  }

  private static func of<Part>(
    _ form: Form<Part>, _ content: @escaping @Sendable (Part) -> ParameterValue.Content
  ) -> Form {
    form.map { part, value, reader in
      ParameterValue(content: content(part), position: reader.position(value.offset))
    }
  }
}

extension Parameter.Bounds {
  /// The bounds as JSON Schema knows them.
  var schema: JSONValue {
    var members: [(String, JSONValue)] = [("type", .string("number"))]
    if lower.isFinite { members.append((lowerIsOpen ? "exclusiveMinimum" : "minimum", lower.schema)) }
    if upper.isFinite { members.append((upperIsOpen ? "exclusiveMaximum" : "maximum", upper.schema)) }
    return .object(members)
  }
}

extension Double {
  /// The number as short as people write it: `1`, not `1.0`.
  var schema: JSONValue { Int(exactly: self).map { .number($0) } ?? .number(self) }
}
