import Foundation
import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Archives of exact codecs: everything comes back to the byte.
@Suite struct ExactArchiveTests {
  static let codecs = [#""codec": "lossless""#, #""codec": "sparse""#]

  /// A weights file as other programs might write it: keys in any order, metadata between them, any number of spaces.
  private func foreignFile(_ tensors: [TestTensor], _ random: inout SplitMix64) -> [UInt8] {
    var offset = 0
    var entries = tensors.map { tensor -> String in
      let shape = tensor.shape.map(String.init).joined(separator: ", ")
      defer { offset += tensor.bytes.count }
      let offsets = "[\(offset),\(offset + tensor.bytes.count)]"
      return random.next() % 2 == 0
        ? #""\#(tensor.name)" : {"shape":[\#(shape)] , "dtype":"\#(tensor.dtype.rawValue)","data_offsets":\#(offsets)}"#
        : #""\#(tensor.name)":{"data_offsets":\#(offsets),"dtype":"\#(tensor.dtype.rawValue)","shape":[\#(shape)]}"#
    }
    entries.append(#""__metadata__":{"format":"pt","größe":"\u00e4\n"}"#)
    entries.shuffle(using: &random)
    let header = "{" + entries.joined(separator: ",") + "}" + String(repeating: " ", count: random.int(0..<13))
    return safetensorsBytes(header: header, data: tensors.flatMap(\.bytes))
  }

  /// Every file below a folder, by its path.
  static func files(_ folder: String) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
      if !isFolder.boolValue { found[name] = try readFile("\(folder)/\(name)") }
    }
    return found
  }

  /// Numbers with every kind of trouble in them: NaNs of several payloads, both zeros, infinities, subnormals.
  private func troubled(_ name: String, _ dtype: DType, _ shape: [Int], _ random: inout SplitMix64) -> TestTensor {
    let count = shape.reduce(1, *)
    let bits: [UInt64] =
      switch dtype {
      case .f32: [0x7FC0_0001, 0xFF80_1234, 0x8000_0000, 0, 0x7F80_0000, 0xFF80_0000, 1, 0x3F80_0000]
      case .f64: [0x7FF8_0000_0000_0001, 0xFFF0_0000_0000_4321, 1 << 63, 0, 0x7FF0_0000_0000_0000, 1, 2, 3]
      case .f16: [0x7E01, 0xFC12, 0x8000, 0, 0x7C00, 0xFC00, 1, 0x3C00]
      default: [0x7FC1, 0xFF92, 0x8000, 0, 0x7F80, 0xFF80, 1, 0x3F80]
      }
    let bytes = (0..<count).flatMap { _ -> [UInt8] in
      var word = random.pick(bits)
      return (0..<dtype.byteCount).map { _ in
        defer { word >>= 8 }
        return UInt8(truncatingIfNeeded: word)
      }
    }
    return TestTensor(name, dtype, shape, bytes: bytes)
  }

  /// A base and a tuned model that differ in every way in which models do.
  private func makeModels(_ scene: Scene, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pair = ArchiveModels.pair(seed: seed)
    var base = pair.base
    var tuned = pair.tuned
    func both(_ name: String, _ dtype: DType, _ old: [Int], _ new: [Int], _ other: DType? = nil) {
      base.append(TestTensor(name, dtype, old, random: &random))
      tuned.append(TestTensor(name, other ?? dtype, new, random: &random))
    }
    // Vocabularies that grew and shrank, of which most rows are as they were.
    for (name, old, new) in [("grown", 20, 23), ("shrunk", 23, 20), ("from.nothing", 0, 4), ("to.nothing", 4, 0)] {
      let rows = TestTensor("", .bf16, [30, 7], random: &random).bytes
      base.append(TestTensor(name, .bf16, [old, 7], bytes: Array(rows[..<(14 * old)])))
      var changed = Array(rows[..<(14 * new)])
      if !changed.isEmpty { changed[random.int(0..<changed.count)] ^= 1 }
      tuned.append(TestTensor(name, .bf16, [new, 7], bytes: changed))
    }
    both("longer.vector", .f32, [5], [9])
    both("wider", .bf16, [4, 5], [4, 6])
    both("transposed", .f16, [4, 5], [5, 4])
    both("other.type", .f32, [3, 5], [3, 5], .bf16)
    both("narrower", .bf16, [3, 5], [3, 5], .f32)
    both("float.now", .f16, [3, 5], [3, 5], .f64)
    both("grown.otherwise", .f16, [3, 5], [6, 5], .bf16)
    for dtype in [DType.f32, .f16, .bf16, .f64] {
      base.append(troubled("trouble.\(dtype.rawValue)", dtype, [9, 11], &random))
      tuned.append(troubled("trouble.\(dtype.rawValue)", dtype, [9, 11], &random))
    }
    tuned.append(
      TestTensor("bytes", .f8e4m3, [7], bytes: (0..<7).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
    base.append(TestTensor("bytes", .f8e4m3, [7], bytes: [1, 2, 3, 4, 5, 6, 7]))
    base.append(TestTensor("removed", .bf16, [3, 3], random: &random))
    tuned.append(TestTensor("new", .bf16, [3, 3], random: &random))
    tuned.append(TestTensor("new.integers", .u8, [300], bytes: (0..<300).map { UInt8(truncatingIfNeeded: $0) }))
    tuned.shuffle(using: &random)
    try scene.add("base", base, config: #"{"vocab_size": 20}"#)
    try makeFolder(scene.path("tuned"))
    let cut = tuned.count / 2
    try writeFile(scene.path("tuned/model-00001-of-00002.safetensors"), foreignFile(Array(tuned[..<cut]), &random))
    try writeFile(scene.path("tuned/model-00002-of-00002.safetensors"), foreignFile(Array(tuned[cut...]), &random))
    let map = tuned.enumerated().map { #""\#($1.name)": "model-0000\#($0 < cut ? 1 : 2)-of-00002.safetensors""# }
    try writeFile(
      scene.path("tuned/model.safetensors.index.json"),
      #"{ "weight_map":{\#(map.shuffled(using: &random).joined(separator: ",\n"))}, "metadata": {"x": 1} }"#)
    for model in ["base", "tuned"] {
      try writeFile(scene.path("\(model)/tokenizer.json"), #"{"model": {"vocab": {"a": 0}}}"#)
      try writeFile(scene.path("\(model)/special.json"), "{\"\(model)\": 1}")
      try makeFolder(scene.path("\(model)/templates"))
      try writeFile(scene.path("\(model)/templates/chat.jinja"), "{{ \(model) }}")
      try writeFile(scene.path("\(model)/templates/same.jinja"), "{{ same }}")
      try writeFile(scene.path("\(model)/empty.txt"), "")
    }
    try writeFile(scene.path("base/only-base.txt"), "not wanted")
    try writeFile(scene.path("tuned/config.json"), #"{"vocab_size": 23,  "torch_dtype": "bfloat16"}"#)
    try writeFile(scene.path("tuned/only-tuned.txt"), String(repeating: "long ", count: 300_000))
  }

  @Test(arguments: codecs, [61, 62, 63, 64] as [UInt64])
  func `Every file of a checkpoint comes back as it was`(_ codec: String, _ seed: UInt64) throws {
    try withScene { scene in
      try makeModels(scene, seed: seed)
      try scene.run(scene.compressText(codec))
      #expect(Archive.verify(scene.path("x.tv.safetensors")).isSound)
      try scene.run(scene.applyText())
      let (found, expected) = (try Self.files(scene.path("out")), try Self.files(scene.path("tuned")))
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }
      let archive = try Archive.open(scene.path("x.tv.safetensors"))
      for tensor in try scene.list("tuned") {
        let entry = try #require(archive.tensors.first { $0.info.name == tensor.name })
        #expect(entry.resultHash == TensorHasher.hash(of: tensor.bytes), "\(tensor.name)")
      }
    }
  }

  @Test(arguments: codecs)
  func `Exact archives are the same bytes, and give the same files, however the work is cut`(_ codec: String) throws {
    try withScene { scene in
      try makeModels(scene, seed: 65)
      let expected = try Self.files(scene.path("tuned"))
      var first: [UInt8]?
      for (number, cut) in (RunCut.all + RunCut.fine).enumerated() {
        var options = cut.options
        options.memory = max(options.memory, 192 << 20)
        try scene.run(scene.compressText(codec, to: "\(number).tv.safetensors"), options)
        let bytes = try readFile(scene.path("\(number).tv.safetensors"))
        #expect(bytes == first ?? bytes, "\(cut.testDescription)")
        first = first ?? bytes
        try scene.run(scene.applyText("\(number).tv.safetensors", to: "out\(number)"), options)
        #expect(try Self.files(scene.path("out\(number)")) == expected, "\(cut.testDescription)")
      }
    }
  }

  @Test(arguments: codecs)
  func `A checkpoint of one file comes back as that file, and beside it nothing`(_ codec: String) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 66)
      let pair = ArchiveModels.pair(seed: 66)
      try writeFile(scene.path("base.safetensors"), foreignFile(pair.base, &random))
      try writeFile(scene.path("tuned.safetensors"), foreignFile(pair.tuned, &random))
      try writeFile(scene.path("diary.txt"), "of somebody else")
      let text = """
        {"weir": 1, "sources": {"base": "base.safetensors", "tuned": "tuned.safetensors"},
         "outputs": [{"from": "tuned", "to": "x.tv.safetensors", "base": "base", \(codec)}]}
        """
      try scene.run(text)
      let apply = { (out: String) in
        """
        {"weir": 1, "sources": {"base": "base.safetensors", "x": {"archive": "x.tv.safetensors", "base": "base"}},
         "outputs": [{"from": "x", "to": "\(out)"}]}
        """
      }
      try scene.run(apply("out.safetensors"))
      let expected = try readFile(scene.path("tuned.safetensors"))
      #expect(try readFile(scene.path("out.safetensors")) == expected)
      try scene.run(apply("out"))
      #expect(try Self.files(scene.path("out")) == ["tuned.safetensors": expected])
    }
  }

  @Test func `Tensors that are left out are as in the base, and those of other shapes are kept all the same`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 67)
      func model(_ rows: Int) -> [TestTensor] {
        [
          TestTensor("a", .bf16, [4, 5], random: &random), TestTensor("b", .bf16, [4, 5], random: &random),
          TestTensor("c", .bf16, [rows, 5], random: &random), TestTensor("d", .f64, [2], random: &random),
        ]
      }
      let pair = (base: model(4), tuned: model(6))
      try scene.add(pair)
      try scene.run(scene.compressText(#""codec": "lossless", "include": ["a"]"#))
      try scene.run(scene.applyText())
      #expect(try scene.list("out") == [pair.tuned[0], pair.base[1], pair.tuned[2], pair.base[3]])
    }
  }

  @Test(arguments: [1, 3])
  func `A large checkpoint of several blocks comes back to the byte`(_ threads: Int) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 68)
      func model() -> [TestTensor] {
        [
          TestTensor("a", largeBF16: [1, 600_001], random: &random), TestTensor("m", .bool, [3], [1, 0, 1]),
          TestTensor("b", largeBF16: [4, 200_003], random: &random),
        ]
      }
      let pair = (base: model(), tuned: model())
      try scene.add(pair)
      for codec in Self.codecs {
        try scene.run(scene.compressText(codec), RunOptions(threads: threads, overwrite: true))
        try scene.run(scene.applyText(), RunOptions(memory: 128 << 20, threads: threads, overwrite: true))
        #expect(try Self.files(scene.path("out")) == Self.files(scene.path("tuned")))
      }
    }
  }
}
