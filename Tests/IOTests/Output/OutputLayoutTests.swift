import Testing
import WeirTensors

@testable import WeirIO

func tensor(_ name: String, _ dtype: DType, _ extents: [Int]) throws -> TensorInfo {
  TensorInfo(name: name, dtype: dtype, shape: try #require(Shape(extents)))
}

/// Bytes per tensor as U8 vectors named `a`, `b`, `c` …
private func vectors(_ sizes: [Int]) throws -> [TensorInfo] {
  try sizes.enumerated().map { try tensor(String(UnicodeScalar(UInt8(97 + $0.offset))), .u8, [$0.element]) }
}

private func headerText(_ file: OutputFile) -> String {
  String(decoding: file.header.dropFirst(8), as: UTF8.self)
}

@Suite struct OutputLayoutTests {
  @Test func `A checkpoint within the limit is one file with a padded header`() throws {
    let layout = OutputLayout(
      tensors: [try tensor("w", .f32, [2, 3]), try tensor("b", .bf16, [3])], shardBytes: 1000)
    let file = try #require(layout.files.first)
    #expect(layout.files.count == 1)
    #expect(file.name == "model.safetensors")
    #expect(file.header.count == 4096)
    #expect(Array(file.header.prefix(8)) == [0xF8, 0x0F, 0, 0, 0, 0, 0, 0])  // 4088
    let json = """
      {"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
      "b":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]}}
      """
    #expect(headerText(file) == json + String(repeating: " ", count: 4088 - json.utf8.count))
    #expect(layout.offsets == [4096, 4120])
    #expect(file.byteCount == 4126)
    #expect(layout.fileByteCount == 4126)
    #expect(layout.dataByteCount == 30)
    #expect(layout.indexJSON == nil)
  }

  @Test(arguments: [
    ([40, 40, 40], 100, [0..<2, 2..<3]),
    ([50, 50, 1], 100, [0..<2, 2..<3]),  // exactly full is not beyond
    ([40, 200, 10], 100, [0..<1, 1..<2, 2..<3]),  // larger than the limit: alone
    ([200, 200], 100, [0..<1, 1..<2]),
    ([0, 0, 100, 0], 100, [0..<4]),  // empty tensors take no room
    ([200, 0], 100, [0..<1, 1..<2]),
    ([1, 1], 0, [0..<1, 1..<2]),
    ([1, 1, 1], Int.max, [0..<3]),
    ([], 100, [0..<0]),
  ])
  func `Tensors fill shards greedily in order`(_ sizes: [Int], _ limit: Int, _ shards: [Range<Int>]) throws {
    let layout = OutputLayout(tensors: try vectors(sizes), shardBytes: limit)
    #expect(layout.files.map(\.tensors) == shards)
    for file in layout.files {
      #expect(file.byteCount == file.header.count + sizes[file.tensors].reduce(0, +))
    }
  }

  @Test func `Shards have five digits and an index in tensor order`() throws {
    let layout = OutputLayout(tensors: try vectors([10, 20, 5]).reversed(), shardBytes: 25)
    #expect(layout.files.map(\.name) == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    let index = String(decoding: try #require(layout.indexJSON), as: UTF8.self)
    #expect(
      index == """
        {
          "metadata": {
            "total_size": 35
          },
          "weight_map": {
            "c": "model-00001-of-00002.safetensors",
            "b": "model-00001-of-00002.safetensors",
            "a": "model-00002-of-00002.safetensors"
          }
        }

        """)
  }

  @Test func `A file name of one's own means one file of any size`() throws {
    let layout = OutputLayout(tensors: try vectors([10, 20]), shardBytes: 5, fileName: "x.safetensors", metadata: [:])
    #expect(layout.files.map(\.name) == ["x.safetensors"])
    #expect(headerText(layout.files[0]).hasPrefix(#"{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]},"b""#))
  }

  @Test func `Odd sizes leave the following tensors unaligned and without gaps`() throws {
    let layout = OutputLayout(
      tensors: [
        try tensor("mask", .bool, [3]), try tensor("scalar", .f32, []), try tensor("none", .f64, [0, 7]),
        try tensor("end", .i64, [1]),
      ], shardBytes: 1000)
    #expect(layout.offsets.map { $0 - 4096 } == [0, 3, 7, 7])
    #expect(layout.files[0].byteCount == 4096 + 15)
    #expect(headerText(layout.files[0]).contains(#""scalar":{"dtype":"F32","shape":[],"data_offsets":[3,7]}"#))
    #expect(headerText(layout.files[0]).contains(#""none":{"dtype":"F64","shape":[0,7],"data_offsets":[7,7]}"#))
  }

  @Test func `No tensors make one file that is all header`() throws {
    let layout = OutputLayout(tensors: [], shardBytes: 1000)
    #expect(layout.files.map(\.byteCount) == [4096])
    #expect(headerText(layout.files[0]).hasPrefix(#"{"__metadata__":{"format":"pt"}} "#))
    let bare = OutputLayout(tensors: [], shardBytes: 1000, metadata: [:])
    #expect(headerText(bare.files[0]).hasPrefix("{} "))
  }

  @Test func `Names and metadata of any characters read back`() throws {
    let names = ["a\"b\\c", "line\nfeed\r\t", "\u{1}\u{1f}", "größe.日本", "__metadata", "\u{7f}\u{2028}"]
    let layout = OutputLayout(
      tensors: try names.map { try tensor($0, .u8, [1]) }, shardBytes: 1, metadata: ["k\"": "v\n", "format": "pt"])
    for (file, name) in zip(layout.files, names) {
      let header = try JSON.parse(Array(file.header.dropFirst(8)))
      #expect(header.object?.map(\.key) == ["__metadata__", name])
      #expect(header["__metadata__"]?["k\""]?.string == "v\n")
    }
    let index = try JSON.parse(try #require(layout.indexJSON))
    #expect(index["weight_map"]?.object?.map(\.key) == names)
  }

  @Test(arguments: [3900, 4000, 4043, 4044, 4045, 4050, 4096, 8192, 100_000])
  func `Data begin on a page however long the header is`(_ length: Int) throws {
    let name = String(repeating: "n", count: length)
    let file = OutputLayout(tensors: [try tensor(name, .u8, [5])], shardBytes: 10).files[0]
    #expect(file.header.count % 4096 == 0)
    #expect(file.header.count > length)
    let stored = file.header.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(stored == file.header.count - 8)
    #expect(try JSON.parse(Array(file.header.dropFirst(8)))[name]?["data_offsets"]?.array?.map(\.int) == [0, 5])
  }
}
