internal import WeirIO

/// The keys of the vocabulary to which all models are brought.
enum TokenizerKeys {
  static let union = "union"

  static let source = Key(
    "source", Form<String>.name("'union' or the name of a source"),
    "Whose tokens the output has: `union` (the default) for those of all models, or a source's.")
  static let tokens = Key(
    "tokens", Form<[TokenizerSpec.Rule]>.list("an array of rules for tokens", of: .tokenRule, noun: nil),
    "Where the rows of single tokens come from; a token that the vocabulary lacks is added to it.")
  static let multiple = Key(
    "pad_to_multiple_of", Form<Int>.integer(in: 1...1 << 20),
    "The rows are the smallest multiple of this that holds all tokens; without it the source's own number of rows stays."
  )

  static let table = KeyTable([source, tokens, multiple])
}

/// The keys of a rule for one token.
enum TokenRuleKeys {
  static let token = Key("token", .text("a token"), required: true, "The token, as the tokenizer spells it.")
  static let from = Key("from", Form<Reference>.source, "The source whose row it gets.")
  static let fromToken = Key(
    "from_token", .text("a token"), "The token there whose row it is; the same token without it.")
  static let fromRow = Key(
    "from_row", Form<Int>.integer(in: 0...1 << 32), "The number of the row there, instead of a token.")
  static let zero = Key("zero", Form<Bool>.flag, "Whether the row is all zero.")
  static let force = Key(
    "force", Form<Bool>.flag, "Whether models that have the token get the row, too; `false` without it.")

  static let table = KeyTable(
    [token, from, fromToken, fromRow, zero, force] as [any ObjectKey], exactlyOneOf: [from.name, zero.name])
}

extension Form<TokenizerSpec> {
  /// `union`, the name of a source, or an object that says more.
  static var tokenizer: Form {
    let expected = "'union', the name of a source, or an object with 'source', 'tokens' or 'pad_to_multiple_of'"
    let object = Form.object("an object", TokenizerKeys.table) { fields, value, place, reader in
      reader.tokenizer(
        fields[TokenizerKeys.source], fields[TokenizerKeys.tokens] ?? [], fields[TokenizerKeys.multiple], value,
        nameOffset: fields.offset(of: TokenizerKeys.source.name))
    }
    return Form(
      expected,
      schema: { .object([("anyOf", .array([TokenizerKeys.source.form.bare($0), object.bare($0)]))]) },
      parse: { value, place, reader in
        switch value.content {
        case .string:
          return TokenizerKeys.source.form.read(value, at: place, reader).flatMap {
            reader.tokenizer($0, [], nil, value, nameOffset: value.offset)
          }
        case .object: return object.read(value, at: place, reader)
        default:
          reader.mismatch(value, at: place, expected: expected)
          return nil
        }
      })
  }
}

extension Form<TokenizerSpec.Rule> {
  fileprivate static var tokenRule: Form {
    .object("a rule for a token", TokenRuleKeys.table) { fields, value, place, reader in
      let extra = [TokenRuleKeys.fromToken.name, TokenRuleKeys.fromRow.name].filter { fields.offset(of: $0) != nil }
      if extra.count == 2 {
        reader.error(
          at: value.offset,
          "\(place.prefix)'from_token' and 'from_row' stand together, expected one of them; remove the other")
        return nil
      }
      if let zero = fields[TokenRuleKeys.zero] {
        for key in extra {
          reader.error(
            at: fields.offset(of: key), "\(place.prefix)'\(key)' stands beside 'zero', expected it beside 'from'")
        }
        if !zero {
          reader.error(
            at: fields.offset(of: TokenRuleKeys.zero.name), "\(place.prefix)'zero' is false, expected true, or 'from'")
          return nil
        }
      }
      guard let token = fields[TokenRuleKeys.token] else { return nil }
      let row: TokenizerSpec.Rule.Row
      if let from = fields[TokenRuleKeys.from] {
        if let text = fields[TokenRuleKeys.fromToken] {
          row = .token(from, text)
        } else if let number = fields[TokenRuleKeys.fromRow] {
          row = .row(from, number)
        } else {
          row = .same(from)
        }
      } else {
        guard fields[TokenRuleKeys.zero] == true else { return nil }
        row = .zero
      }
      return TokenizerSpec.Rule(
        token: token, row: row, isForced: fields[TokenRuleKeys.force] ?? false, position: reader.position(value.offset))
    }
  }
}

extension Reader {
  fileprivate func tokenizer(
    _ source: String?, _ rules: [TokenizerSpec.Rule], _ multiple: Int?, _ value: JSONValue, nameOffset: Int?
  ) -> TokenizerSpec {
    var seen: Set<String> = []
    for rule in rules where !seen.insert(rule.token).inserted {
      error(
        at: rule.position.offset,
        "'tokenizer': two rules for token \(MessageText.quoted(rule.token)), expected one; remove the other")
    }
    let origin: TokenizerSpec.Origin =
      source.flatMap { name in
        name == TokenizerKeys.union
          ? nil : .source(Reference(name: name, position: position(nameOffset ?? value.offset)))
      } ?? .union
    return TokenizerSpec(origin: origin, rules: rules, multiple: multiple, position: position(value.offset))
  }
}
