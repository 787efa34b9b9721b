internal import WeirIO

/// The small parts of which messages are made.
enum Wording {
  /// `'a', 'b' or 'c'`.
  static func list(_ words: [String], _ conjunction: String = "or") -> String {
    let words = words.map(MessageText.quoted)
    guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
    return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
  }

  /// What a value is, short enough for a line: numbers, strings and truth values themselves, else their kind.
  static func found(_ value: JSONValue) -> String {
    switch value.content {
    case .number(let lexeme): lexeme.count > 32 ? "\(lexeme.prefix(32))…" : lexeme
    case .bool(let flag): "\(flag)"
    case .string(let text) where text.count <= 40: "the string \(MessageText.quoted(text))"
    case .array(let elements) where elements.isEmpty: "an empty array"
    case .object(let members) where members.isEmpty: "an empty object"
    default: value.kindName
    }
  }

  /// `1 model`, `2 models`.
  static func count(_ number: Int, _ noun: String) -> String {
    guard number != 1 else { return "1 \(noun)" }
    return "\(number) \(noun.hasSuffix("y") ? "\(noun.dropLast())ies" : noun + "s")"
  }

  /// `exactly 2 models`, `at least 1 model`, `2 to 4 inputs`.
  static func count(_ range: ClosedRange<Int>, _ noun: String) -> String {
    if range.lowerBound == range.upperBound { return "exactly \(count(range.lowerBound, noun))" }
    if range.upperBound == .max { return "at least \(count(range.lowerBound, noun))" }
    return "\(range.lowerBound) to \(count(range.upperBound, noun))"
  }
}
