import Testing
import WeirIO

@Suite("JSON")
struct JSONTests {
  /// A text and what it says when written again without white space.
  static let sound: [(String, String)] = [
    ("null", "null"), ("true", "true"), (" false\n", "false"),
    ("0", "0"), ("-0", "-0"), ("1.50", "1.50"), ("-1E+9", "-1E+9"), ("1e400", "1e400"),
    ("123456789012345678901234567890", "123456789012345678901234567890"),
    ("\"\"", "\"\""), (#""a\/b""#, #""a/b""#), (#""\u0041\u00e9\ud83d\ude00""#, "\"Aé😀\""),
    (#""\"\\\b\f\n\r\t\u0001""#, #""\"\\\b\f\n\r\t\u0001""#), ("\"日本\"", "\"日本\""),
    ("[]", "[]"), ("[ 1 , [ ] ]", "[1,[]]"), ("{}", "{}"),
    (#"{"b": 1, "a": {"c": null}}"#, #"{"b":1,"a":{"c":null}}"#),
  ]

  @Test(arguments: sound) func `A text keeps its order and its numbers`(_ text: String, _ written: String) throws {
    #expect(JSON.text(try JSON.parse(text)) == written)
  }

  /// A text, the offset where it stops being JSON, and what is said.
  static let unsound: [(String, Int, String)] = [
    ("", 0, "found the end of the text, expected a value"),
    (" ", 1, "found the end of the text, expected a value"),
    ("tru", 0, "found 't', expected a value"),
    ("nul1", 0, "found 'n', expected a value"),
    ("{\"a\":1,}", 7, "found '}', expected a key after ','"),
    ("[1,]", 3, "found ']', expected a value after ','"),
    ("[1 2]", 3, "found '2', expected ',' or ']'"),
    ("{\"a\" 1}", 5, "found '1', expected ':' after the key"),
    ("{\"a\":1:2}", 6, "found ':', expected ',' or '}'"),
    ("{a:1}", 1, "found 'a', expected a key in double quotes"),
    ("{'a':1}", 1, "found ''', expected a key in double quotes"),
    ("{", 1, "found the end of the text, expected a key in double quotes"),
    ("[", 1, "found the end of the text, expected a value"),
    ("// x\n1", 0, "found '/', expected a value"),
    ("1 2", 2, "found '2', expected nothing after the value"),
    ("{}x", 2, "found 'x', expected nothing after the value"),
    ("{\"a\":1,\"a\":2}", 7, "found the key 'a' again, expected it once"),
    (#"{"a":1,"\u0061":2}"#, 7, "found the key 'a' again, expected it once"),
    ("01", 0, "found a number with a leading zero, expected none"),
    ("-01", 1, "found a number with a leading zero, expected none"),
    ("+1", 0, "found '+', expected a value"),
    (".5", 0, "found '.', expected a value"),
    ("1.", 2, "found the end of the text, expected a digit"),
    ("1e", 2, "found the end of the text, expected a digit"),
    ("-", 1, "found the end of the text, expected a digit"),
    ("0x10", 1, "found 'x', expected nothing after the value"),
    ("NaN", 0, "found 'NaN', expected a finite number"),
    ("[-Infinity]", 1, "found '-Infinity', expected a finite number"),
    ("Nope", 0, "found 'N', expected a value"),
    ("\"a", 2, "found the end of the text inside a string, expected its closing quote"),
    ("\"\\", 2, "found the end of the text inside a string, expected its closing quote"),
    ("\"\\u12", 5, "found the end of the text inside a string, expected its closing quote"),
    ("\"a\nb\"", 2, "found the control character byte 0x0A in a string, expected it escaped"),
    (#""\x41""#, 1, #"found '\x', expected one of \" \\ \/ \b \f \n \r \t \u"#),
    (#""\u12g4""#, 1, #"found an incomplete '\u', expected four hexadecimal digits"#),
    (#""\ud800""#, 1, "found half of a surrogate pair, expected both halves"),
    (#""\ud800\u0041""#, 1, "found half of a surrogate pair, expected both halves"),
    (#""\udc00""#, 1, "found half of a surrogate pair, expected both halves"),
    ("\u{FEFF}{}", 0, "found a byte order mark, expected UTF-8 text without one"),
    ("é", 0, "found 'é', expected a value"),
    ("\u{7F}", 0, "found byte 0x7F, expected a value"),
  ]

  @Test(arguments: unsound)
  func `What is not JSON is told with its place`(_ text: String, _ offset: Int, _ message: String) {
    #expect(throws: JSONError(offset: offset, message: message)) { try JSON.parse(text) }
  }

  /// Bytes of a string that are not UTF-8, and where they go wrong.
  static let notUTF8: [([UInt8], Int)] = [
    ([0xFF], 1), ([0x61, 0x80], 2), ([0xC0, 0x80], 1), ([0xE2, 0x82], 1), ([0xED, 0xA0, 0x80], 1),
    ([0xF4, 0x90, 0x80, 0x80], 1), ([0xC3, 0xA9, 0xC3], 3),
  ]

  @Test(arguments: notUTF8) func `Bytes that are not UTF-8 are refused`(_ bytes: [UInt8], _ offset: Int) {
    let error = JSONError(offset: offset, message: "found bytes that are not UTF-8, expected UTF-8 text")
    #expect(throws: error) { try JSON.parse([0x22] + bytes + [0x22]) }
    #expect(throws: error) { try JSON.parse([0x22] + bytes + Array(#"\n""#.utf8)) }
  }

  @Test func `UTF-16 text is recognised`() {
    #expect(throws: JSONError(offset: 0, message: "found UTF-16 text, expected UTF-8")) {
      try JSON.parse([0xFF, 0xFE, 0x7B, 0x00])
    }
  }

  @Test func `Nesting is allowed to the limit and no deeper`() throws {
    let nest = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    _ = try JSON.parse(nest(64))
    #expect(throws: JSONError(offset: 64, message: "found more than 64 levels of nesting, expected fewer")) {
      try JSON.parse(nest(65))
    }
    #expect(throws: JSONError.self) { try JSON.parse(String(repeating: "[{\"a\":", count: 1_000_000)) }
  }

  @Test func `Values and strings are counted`() throws {
    let limits = JSONLimits(stringBytes: 3, values: 4)
    _ = try JSON.parse("[1,2,\"abc\"]", limits: limits)
    #expect(throws: JSONError(offset: 7, message: "found more than 4 values, expected fewer")) {
      try JSON.parse("[1,2,3,4]", limits: limits)
    }
    #expect(throws: JSONError(offset: 1, message: "found a string of 4 bytes, expected at most 3")) {
      try JSON.parse("[\"abcd\"]", limits: limits)
    }
  }

  @Test func `Numbers that only Python writes are read where they are allowed`() throws {
    let limits = JSONLimits(acceptsNonFinite: true)
    let text = "[NaN,Infinity,-Infinity]"
    let value = try JSON.parse(text, limits: limits)
    #expect(JSON.text(value) == text)
    #expect(value.array?.map(\.double) == [nil, nil, nil])
  }

  @Test func `Values tell their place and kind`() throws {
    let value = try JSON.parse(#"{"a": [1, 2.5], "é": "x"}"#)
    #expect(value["a"]?.offset == 6)
    #expect(value["a"]?.array?[1].offset == 10)
    #expect(value.object?[1].keyOffset == 16)
    #expect(value.object?[1].value.offset == 22)
    #expect(value["a"]?.array?[0].int == 1)
    #expect(value["a"]?.array?[1].int == nil)
    #expect(value["a"]?.array?[1].double == 2.5)
    #expect(value["missing"] == nil)
    #expect(value.kindName == "an object")
    #expect(value["a"]?.kindName == "an array")
  }

  @Test func `A number that does not fit is no integer and no double`() throws {
    let value = try JSON.parse("[9223372036854775808, 1e400, 9223372036854775807]")
    #expect(value.array?.map(\.int) == [nil, nil, .max])
    #expect(value.array?[1].double == nil)
  }

  @Test func `Lines and columns count from one, columns in scalars`() {
    let text = Array("é{\n  \"日本\": x\r\ny".utf8)
    #expect(JSON.position(of: 0, in: text) == (1, 1))
    #expect(JSON.position(of: 2, in: text) == (1, 2))
    #expect(JSON.position(of: 4, in: text) == (2, 1))
    #expect(JSON.position(of: 16, in: text) == (2, 9))
    #expect(JSON.position(of: 19, in: text) == (3, 1))
    #expect(JSON.position(of: 1000, in: text) == (3, 2))
  }

  @Test func `Values made in code are written as people indent them`() throws {
    let value = JSONValue.object([
      ("name", .string("a\"b")), ("list", .array([.number(1), .number(0.5), .null])), ("none", .array([])),
      ("sub", .object([("on", .bool(true))])), ("nan", .number(.nan)),
    ])
    let text = """
      {
        "name": "a\\"b",
        "list": [
          1,
          0.5,
          null
        ],
        "none": [],
        "sub": {
          "on": true
        },
        "nan": null
      }
      """
    #expect(JSON.text(value, indent: 2) == text)
    #expect(JSON.text(try JSON.parse(text)) == JSON.text(value))
  }

  @Test func `Setting a key keeps its place or appends it`() throws {
    let value = try JSON.parse(#"{"a":1,"b":2}"#)
    #expect(JSON.text(value.setting("a", to: .null).setting("c", to: .number(3))) == #"{"a":null,"b":2,"c":3}"#)
  }

  @Test func `Duplicates are found in large objects`() throws {
    let members = (0..<1000).map { "\"key\($0)\":\($0)" }.joined(separator: ",")
    #expect(try JSON.parse("{\(members)}").object?.count == 1000)
    for key in ["key0", "key15", "key16", "key999"] {
      #expect(throws: JSONError.self) { try JSON.parse("{\(members),\"\(key)\":0}") }
    }
  }

  @Test func `Every cut of a text is an error and none is a trap`() {
    let text = Array(#"{"a":[1,-2.5e3,true,null],"b\u00e9\ud83d\ude00":{"c":"d"}}"#.utf8)
    for count in 0..<text.count { #expect(throws: JSONError.self) { try JSON.parse(Array(text[..<count])) } }
  }
}
