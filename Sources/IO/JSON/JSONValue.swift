/// A JSON value and where it stands in its text.
public struct JSONValue: Sendable {
  /// What a value is; a number keeps the characters that it was written with.
  public enum Content: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])
  }

  public let content: Content
  /// The offset of its first byte in the text; 0 for a value made in code.
  public let offset: Int

  public init(_ content: Content, offset: Int = 0) {
    self.content = content
    self.offset = offset
  }

  public var isNull: Bool {
    if case .null = content { true } else { false }
  }

  public var bool: Bool? {
    if case .bool(let value) = content { value } else { nil }
  }

  public var string: String? {
    if case .string(let value) = content { value } else { nil }
  }

  /// The integer that a number without fraction and exponent stands for, if it fits.
  public var int: Int? {
    if case .number(let lexeme) = content { Int(lexeme) } else { nil }
  }

  /// The nearest `Double` to a number; `nil` where that is not finite.
  public var double: Double? {
    guard case .number(let lexeme) = content, let value = Double(lexeme), value.isFinite else { return nil }
    return value
  }

  /// The elements of an array.
  public var array: [JSONValue]? {
    if case .array(let elements) = content { elements } else { nil }
  }

  /// The members of an object, in the order of the text.
  public var object: [JSONMember]? {
    if case .object(let members) = content { members } else { nil }
  }

  /// The member `key` of an object.
  public subscript(key: String) -> JSONValue? { object?.first { $0.key == key }?.value }

  /// What kind of value it is, for messages: `a string`.
  public var kindName: String {
    switch content {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// A key of an object and its value.
public struct JSONMember: Sendable {
  public let key: String
  /// The offset of the key's opening quote.
  public let keyOffset: Int
  public let value: JSONValue

  public init(key: String, value: JSONValue, keyOffset: Int = 0) {
    self.key = key
    self.keyOffset = keyOffset
    self.value = value
  }
}

// Values made in code.
extension JSONValue {
  public static var null: JSONValue { JSONValue(.null) }

  public static func bool(_ value: Bool) -> JSONValue { JSONValue(.bool(value)) }

  public static func string(_ value: String) -> JSONValue { JSONValue(.string(value)) }

  public static func number(_ value: Int) -> JSONValue { JSONValue(.number(String(value))) }

  /// The shortest number that reads back as `value`; `null` where it is not finite, as JSON has no such number.
  public static func number(_ value: Double) -> JSONValue {
    value.isFinite ? JSONValue(.number(value.description)) : .null
  }

  public static func array(_ elements: [JSONValue]) -> JSONValue { JSONValue(.array(elements)) }

  public static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    JSONValue(.object(members.map { JSONMember(key: $0.0, value: $0.1) }))
  }

  /// The same object with `key` standing for `value`: in its place where it was, else at the end.
  ///
  /// A value that is not an object is returned unchanged.
  public func setting(_ key: String, to value: JSONValue) -> JSONValue {
    guard var members = object else { return self }
    if let place = members.firstIndex(where: { $0.key == key }) {
      members[place] = JSONMember(key: key, value: value, keyOffset: members[place].keyOffset)
    } else {
      members.append(JSONMember(key: key, value: value))
    }
    return JSONValue(.object(members), offset: offset)
  }
}
