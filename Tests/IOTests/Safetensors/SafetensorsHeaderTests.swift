import TestSupport
import Testing
import WeirIO
import WeirTensors

@Suite("Safetensors header")
struct SafetensorsHeaderTests {
  private func parse(_ header: String, data: Int) throws -> SafetensorsHeader {
    let text = Array(header.utf8)
    return try SafetensorsHeader.parse(text, fileByteCount: 8 + text.count + data, file: "f")
  }

  @Test func `Tensors are listed in the order of their data`() throws {
    let header =
      #"{"b":{"shape":[2],"data_offsets":[4,8],"dtype":"BF16"},"#
      + #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{"format":"pt","n":"1"}}  "#
    let parsed = try parse(header, data: 8)
    #expect(parsed.tensors.map(\.name) == ["a", "b"])
    #expect(parsed.tensors.map(\.dtype) == [.f32, .bf16])
    #expect(parsed.tensors.map(\.shape.extents) == [[], [2]])
    #expect(parsed.dataOffset == 8 + header.utf8.count)
    #expect(
      parsed.ranges == [parsed.dataOffset..<parsed.dataOffset + 4, parsed.dataOffset + 4..<parsed.dataOffset + 8])
    #expect(parsed.metadata == ["format": "pt", "n": "1"])
  }

  @Test(arguments: DType.allCases) func `Every dtype of the format is read`(_ dtype: DType) throws {
    let end = 3 * dtype.byteCount
    let parsed = try parse(
      #"{"t":{"dtype":"\#(dtype.rawValue)","shape":[3],"data_offsets":[0,\#(end)]}}"#, data: end)
    #expect(parsed.tensors.first == Shape([3]).map { TensorInfo(name: "t", dtype: dtype, shape: $0) })
  }

  @Test func `Scalars and empty tensors have their place`() throws {
    let parsed = try parse(
      #"{"z":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"e2":{"dtype":"F32","shape":[3,0],"data_offsets":[1,1]},"#
        + #""s":{"dtype":"U8","shape":[],"data_offsets":[1,2]},"e0":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}"#,
      data: 2)
    #expect(parsed.tensors.map(\.name) == ["e0", "z", "e2", "s"])
    #expect(parsed.tensors.map(\.elementCount) == [0, 1, 0, 1])
  }

  @Test func `A file without tensors is a file`() throws {
    #expect(try parse("{}", data: 0).tensors.isEmpty)
    #expect(try parse(#"{"__metadata__":{}}"#, data: 0).metadata.isEmpty)
  }

  @Test func `An extent that overflows beside a zero is an empty tensor`() throws {
    let parsed = try parse(
      #"{"t":{"dtype":"F32","shape":[9223372036854775807,4,0],"data_offsets":[0,0]}}"#, data: 0)
    #expect(parsed.tensors.first?.byteCount == 0)
  }

  /// One attack each: the header, bytes of data after it, and what is said.
  static let hostile: [(String, Int, String)] = [
    ("", 0, "f: header is empty at byte 8, expected '{'"),
    (" {}", 0, "f: header begins with byte 0x20 at byte 8, expected '{'"),
    ("[]", 0, "f: header begins with byte 0x5B at byte 8, expected '{'"),
    ("{", 0, "f: byte 9: found the end of the text, expected a key in double quotes"),
    ("{}{}", 0, "f: byte 10: found '{', expected nothing after the value"),
    ("{}\u{0}", 0, "f: byte 10: found byte 0x00, expected nothing after the value"),
    (#"{"a":1}"#, 0, "f: tensor 'a': byte 13: found '1', expected an object"),
    (#"{"a":null}"#, 0, "f: tensor 'a': byte 13: found 'n', expected an object"),
    (#"{"a":[]}"#, 0, "f: tensor 'a': byte 13: found '[', expected an object"),
    (#"{"a":{}}"#, 0, "f: tensor 'a': no 'dtype' at byte 9, expected 'dtype', 'shape' and 'data_offsets'"),
    (
      #"{"a":{"dtype":"U8","shape":[1]}}"#, 1,
      "f: tensor 'a': no 'data_offsets' at byte 9, expected 'dtype', 'shape' and 'data_offsets'"
    ),
    (
      #"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, 1,
      "f: tensor 'a': no 'shape' at byte 9, expected 'dtype', 'shape' and 'data_offsets'"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":0}}"#, 1,
      "f: tensor 'a': key 'x' at byte 60, expected only 'dtype', 'shape' and 'data_offsets'"
    ),
    (
      #"{"a":{"dtype":"U8","dtype":"F64","shape":[1],"data_offsets":[0,1]}}"#, 1,
      "f: tensor 'a': byte 27: found the key 'dtype' again, expected it once"
    ),
    (#"{"a":{"dtype":5}}"#, 0, "f: tensor 'a': byte 22: found '5', expected a dtype in double quotes"),
    (#"{"a":{"dtype":"U8","shape":5}}"#, 0, "f: tensor 'a': byte 35: found '5', expected an array"),
    (
      #"{"a":{"dtype":"U8","shape":[-1]}}"#, 0,
      "f: tensor 'a': byte 36: found '-', expected a non-negative integer"
    ),
    (
      #"{"a":{"dtype":"U8","shape":["1"]}}"#, 0,
      "f: tensor 'a': byte 36: found '\"', expected a non-negative integer"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1.0]}}"#, 0,
      "f: tensor 'a': byte 36: found a number with a fraction or exponent, expected an integer"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1e2]}}"#, 0,
      "f: tensor 'a': byte 36: found a number with a fraction or exponent, expected an integer"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[01]}}"#, 0,
      "f: tensor 'a': byte 36: found a number with a leading zero, expected none"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[9223372036854775808]}}"#, 0,
      "f: tensor 'a': byte 36: found a number above 9223372036854775807, expected a smaller one"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))]}}"#, 0,
      "f: tensor 'a': byte 164: found '1', expected at most 64 numbers"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[[1]]}}"#, 0,
      "f: tensor 'a': byte 36: found '[', expected a non-negative integer"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1,
      "f: tensor 'a': 1 data_offsets at byte 54, expected 2"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}"#, 1,
      "f: tensor 'a': byte 59: found '2', expected at most 2 numbers"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, 1,
      "f: tensor 'a': data_offsets [1, 0], expected the first not above the second"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,-1]}}"#, 1,
      "f: tensor 'a': byte 57: found '-', expected a non-negative integer"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4,
      "f: tensor 'a': 4 bytes at offset 0, expected 8 for F32 [2]"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}"#, 0,
      "f: tensor 'a': 0 bytes at offset 0, expected 4 for F32 []"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0,
      "f: tensor 'a': shape [4294967296, 4294967296] of U8 has more bytes than a file can hold, "
        + "expected at most 9223372036854775807"
    ),
    (
      // The elements can be counted, their bytes cannot.
      #"{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}"#, 0,
      "f: tensor 'a': shape [2305843009213693952] of F64 has more bytes than a file can hold, "
        + "expected at most 9223372036854775807"
    ),
    (
      // The end of the data, counted from the first byte of the file, does not fit a number.
      #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#, 4,
      "f: tensor 'a': data ends at byte 9223372036854775807, expected at most the file's 101 bytes; "
        + "fetch the file again, it may be incomplete"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 1,
      "f: tensor 'a': data ends at byte 63, expected at most the file's 62 bytes; "
        + "fetch the file again, it may be incomplete"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, 3,
      "f: tensor 'b': data at byte 114 overlaps that of 'a', expected none to overlap"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 2,
      "f: tensor 'b': data at byte 113 overlaps that of 'a', expected none to overlap"
    ),
    (
      // An empty tensor inside another's data.
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#, 2,
      "f: tensor 'b': data at byte 114 overlaps that of 'a', expected none to overlap"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#, 3,
      "f: 1 byte at byte 114 in no tensor, expected none"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, 2,
      "f: 1 byte at byte 61 in no tensor, expected none"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 5,
      "f: 4 bytes at byte 62 after the last tensor, expected none"
    ),
    ("{}", 1, "f: 1 byte at byte 10 after the last tensor, expected none"),
    (
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[9,9]}}"#, 9,
      "f: 9 bytes at byte 61 in no tensor, expected none"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, 2,
      "f: byte 61: found the key 'a' again, expected it once"
    ),
    (
      #"{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1,
      "f: tensor name at byte 9 is empty, expected a name"
    ),
    (
      #"{"a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1,
      "f: tensor name at byte 9 'a\\u{0}b' has a control character, expected none"
    ),
    (
      #"{"a\u001b[2J":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1,
      "f: tensor name at byte 9 'a\\u{1b}[2J' has a control character, expected none"
    ),
    (
      #"{"\#(String(repeating: "n", count: 4097))":{}}"#, 0,
      "f: tensor name at byte 9 has 4097 bytes, expected at most 4096"
    ),
    (#"{"\ud800":{}}"#, 0, "f: byte 10: found half of a surrogate pair, expected both halves"),
    (#"{"__metadata__":[]}"#, 0, "f: byte 24: found '[', expected an object"),
    (#"{"__metadata__":{"a":1}}"#, 0, "f: metadata 'a' is a number at byte 29, expected a string"),
    (#"{"__metadata__":{"a":{"b":"c"}}}"#, 0, "f: metadata 'a' is an object at byte 29, expected a string"),
    (
      #"{"__metadata__":{"a":"1","a":"2"}}"#, 0,
      "f: byte 33: found the key 'a' again, expected it once"
    ),
    (
      #"{"__metadata__":{},"__metadata__":{}}"#, 0,
      "f: byte 27: found the key '__metadata__' again, expected it once"
    ),
    (
      #"{"a":"# + String(repeating: "[", count: 100_000), 0,
      "f: tensor 'a': byte 13: found '[', expected an object"
    ),
    (
      #"{"__metadata__":{"a":"# + String(repeating: "[", count: 100_000), 0,
      "f: byte 91: found more than 64 levels of nesting, expected fewer"
    ),
  ]

  @Test(arguments: hostile) func `A hostile header is refused`(_ header: String, _ data: Int, _ message: String) {
    #expect {
      try parse(header, data: data)
    } throws: { error in
      #expect("\(error)" == message)
      return error is CheckpointError
    }
  }

  @Test(arguments: ["F4", "F6_E2M3", "F8_E8M0", "C64", "F8_E4M3FNUZ", "float32", "f32", "", "F32\n"])
  func `An unknown dtype is refused by name`(_ name: String) {
    let quoted = name.replacing("\n", with: "\\n")
    let error = CheckpointError(.unknownDType(name), file: "f", tensor: "a")
    #expect(throws: error) {
      try parse(#"{"a":{"dtype":"\#(quoted)","shape":[1],"data_offsets":[0,1]}}"#, data: 1)
    }
    #expect(!error.description.contains("\n"))
    #expect(error.description.contains("expected one of F64, F32, F16, BF16, F8_E4M3"))
  }

  @Test func `Every cut of a header is an error and none is a trap`() {
    let text = #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#
    for count in 0..<text.utf8.count {
      #expect(throws: CheckpointError.self) { try parse(String(text.prefix(count)), data: 8) }
    }
  }

  @Test func `Every change of one byte is an error or a header, and none is a trap`() {
    let text = Array(#"{"a":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]},"__metadata__":{"k":"v"}}"#.utf8)
    for place in text.indices {
      for byte in [0, 0x20, 0x22, 0x2C, 0x30, 0x39, 0x5B, 0x5C, 0x7B, 0x7D, 0x80, 0xFF] as [UInt8] {
        var changed = text
        changed[place] = byte
        _ = try? SafetensorsHeader.parse(changed, fileByteCount: 8 + text.count + 2, file: "f")
      }
    }
  }

  @Test func `Names that no reader takes are told from those that all take`() {
    #expect(SafetensorsHeader.problem(withName: "") == "is empty, expected a name")
    #expect(
      SafetensorsHeader.problem(withName: "a\u{1F}b") == "'a\\u{1f}b' has a control character, expected none")
    #expect(
      SafetensorsHeader.problem(withName: "__metadata__")
        == "'__metadata__' stands for the file's metadata, expected another")
    let long = String(repeating: "é", count: 2048)
    #expect(SafetensorsHeader.problem(withName: long + "n") == "has 4097 bytes, expected at most 4096")
    for name in [long, "__metadata", "a b", "größe.日本"] { #expect(SafetensorsHeader.problem(withName: name) == nil) }
  }
}
