internal import WeirIO

/// A YAML value and where it stands in its text.
struct YAMLValue: Sendable {
  enum Content: Sendable {
    case scalar(YAMLScalar)
    case sequence([YAMLValue])
    case mapping([YAMLMember])
  }

  let content: Content
  let position: Position
  /// The values in it, itself and all that aliases repeat included: what a walk through it costs.
  let count: Int

  var scalar: YAMLScalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }

  var sequence: [YAMLValue]? {
    if case .sequence(let elements) = content { elements } else { nil }
  }

  var mapping: [YAMLMember]? {
    if case .mapping(let members) = content { members } else { nil }
  }

  /// Whether nothing is written, or `null`.
  var isNull: Bool { scalar?.isNull ?? false }

  /// What a message calls the value: short scalars themselves, else their kind.
  var found: String {
    switch content {
    case .scalar(let scalar) where scalar.isNull: "empty"
    case .scalar(let scalar): scalar.text.count <= 40 ? MessageText.quoted(scalar.text) : "a text"
    case .sequence(let elements): elements.isEmpty ? "an empty list" : "a list"
    case .mapping: "a mapping"
    }
  }
}

/// A key of a mapping and its value.
struct YAMLMember: Sendable {
  let key: String
  let keyPosition: Position
  let value: YAMLValue
}

/// A scalar of YAML 1.1, as the loaders in Python resolve it.
struct YAMLScalar: Sendable {
  let text: String
  /// Whether it stands without quotes, so that it may be more than a text.
  let isPlain: Bool

  var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }

  var bool: Bool? {
    guard isPlain else { return nil }
    switch text {
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return true
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return false
    default: return nil
    }
  }

  /// The number that it is, or that a text in it spells; `nil` where that is not finite.
  ///
  /// Without quotes `010` is octal, `0x10` and `0b11` are what they look like, and underscores are nothing.
  var number: Double? {
    let digits = text.filter { $0 != "_" }
    guard digits.first != nil, digits.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else { return nil }
    if isPlain, let whole = wholeNumber(digits) { return Double(whole) }
    // The standard library reads hexadecimal and "infinity" too; a recipe has neither in quotes.
    guard digits.allSatisfy({ $0.isNumber || "+-.eE".contains($0) }), let number = Double(padded(digits)),
      number.isFinite
    else { return nil }
    return number
  }

  /// A whole number in a base other than ten.
  private func wholeNumber(_ text: String) -> Int? {
    var digits = Substring(text)
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits = digits.dropFirst() }
    guard digits.first == "0", digits.count > 1 else { return nil }
    let radix: Int
    switch digits.dropFirst().first {
    case "x": (radix, digits) = (16, digits.dropFirst(2))
    case "b": (radix, digits) = (2, digits.dropFirst(2))
    default: radix = 8
    }
    return digits.first.map { $0 != "-" && $0 != "+" } == true
      ? Int(digits, radix: radix).map { isNegative ? -$0 : $0 } : nil
  }

  /// `.5` and `5.` as the standard library reads them.
  private func padded(_ text: String) -> String {
    var text = text
    for sign in ["", "+", "-"] where text.hasPrefix("\(sign).") { text = "\(sign)0" + text.dropFirst(sign.count) }
    return text.hasSuffix(".") ? text + "0" : text
  }
}
