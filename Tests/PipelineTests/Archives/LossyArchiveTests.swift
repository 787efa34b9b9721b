import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// Archives of lossy codecs against the definitions.
@Suite struct LossyArchiveTests {
  /// What applying must give, tensor by tensor.
  static func expected(
    _ golden: CodecCase, _ pair: (base: [TestTensor], tuned: [TestTensor])
  ) -> [String: [UInt8]] {
    let delta = PlainDelta(from: pair.base, to: pair.tuned)
    var prepared: [String: [Float]] = [:]
    for (part, values) in zip(delta.parts, golden.prepared(delta)) { prepared[part.name] = values }
    let base = Dictionary(pair.base.map { ($0.name, $0) }) { first, _ in first }
    return Dictionary(
      pair.tuned.map { tensor in
        guard let values = prepared[tensor.name], let other = base[tensor.name] else {
          return (tensor.name, tensor.bytes)
        }
        return (tensor.name, PlainDelta.applied(values, to: other.values, as: tensor.dtype))
      }
    ) { first, _ in first }
  }

  /// Checks an applied archive, and what the archive says of both ends.
  static func check(
    _ scene: Scene, _ golden: CodecCase, _ pair: (base: [TestTensor], tuned: [TestTensor]), _ name: String,
    _ out: String, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let expected = expected(golden, pair)
    let found = try scene.list(out)
    #expect(found.map(\.name) == pair.tuned.map(\.name), sourceLocation: location)
    for (tensor, tuned) in zip(found, pair.tuned) {
      #expect(tensor.dtype == tuned.dtype && tensor.shape == tuned.shape, sourceLocation: location)
      #expect(
        tensor.bytes == expected[tensor.name], "\(tensor.name) of \(golden.testDescription)", sourceLocation: location)
    }
    let archive = try Archive.open(scene.path(name))
    let base = Dictionary(pair.base.map { ($0.name, $0) }) { first, _ in first }
    for (tensor, tuned) in zip(archive.tensors, found) {
      #expect(tensor.resultHash == TensorHasher.hash(of: tuned.bytes), sourceLocation: location)
      let other = base[tensor.info.name].map { TensorHasher.hash(of: $0.bytes) }
      #expect(tensor.base == nil || tensor.baseHash == other, sourceLocation: location)
    }
  }

  @Test(arguments: CodecCase.lossy)
  func `An applied archive is the base plus what the codec's definition gives`(_ golden: CodecCase) throws {
    for (seed, isCoarse) in [(51, false), (52, true)] as [(UInt64, Bool)] {
      try withScene { scene in
        let pair = ArchiveModels.pair(seed: seed, isCoarse: isCoarse)
        try scene.add(pair)
        try scene.run(scene.compressText(golden.text))
        #expect(Archive.verify(scene.path("x.tv.safetensors")).isSound)
        try scene.run(scene.applyText())
        try Self.check(scene, golden, pair, "x.tv.safetensors", "out")
      }
    }
  }

  @Test(arguments: CodecCase.lossy)
  func `The same archive is written, and applied to the same bytes, however the work is cut`(_ golden: CodecCase) throws
  {
    try withScene { scene in
      try scene.add(ArchiveModels.pair(seed: 53))
      var first: ([UInt8], [TestTensor])?
      for (number, cut) in (RunCut.all + RunCut.fine).enumerated() {
        var options = cut.options
        options.memory = max(options.memory, 192 << 20)
        try scene.run(scene.compressText(golden.text, to: "\(number).tv.safetensors"), options)
        try scene.run(scene.applyText("\(number).tv.safetensors", to: "out\(number)"), options)
        let found = (try readFile(scene.path("\(number).tv.safetensors")), try scene.list("out\(number)"))
        if let first {
          #expect(found.0 == first.0, "\(cut.testDescription)")
          #expect(found.1 == first.1, "\(cut.testDescription)")
        } else {
          first = found
        }
      }
    }
  }

  @Test(arguments: [(DType.f32, DType.bf16), (.bf16, .f32), (.f16, .bf16), (.f32, .f16)])
  func `A base of another type is applied to`(base: DType, tuned: DType) throws {
    var random = SplitMix64(seed: 54)
    func model(_ dtype: DType) -> [TestTensor] {
      [TestTensor("a", dtype, [40, 33], random: &random), TestTensor("b", dtype, [129], random: &random)]
    }
    let pair = (base: model(base), tuned: model(tuned))
    for golden in CodecCase.lossy where !golden.text.contains("[") {
      try withScene { scene in
        try scene.add(pair)
        try scene.run(scene.compressText(golden.text))
        try scene.run(scene.applyText())
        try Self.check(scene, golden, pair, "x.tv.safetensors", "out")
      }
    }
  }

  /// The numbers of a BF16 tensor, decoded fast enough for millions.
  private func floats(_ tensor: TestTensor) -> [Float] {
    tensor.bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 2).map {
        Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
      }
    }
  }

  /// Places at both ends, around the edges of blocks, and a few between.
  private func places(_ count: Int, _ random: inout SplitMix64) -> [Int] {
    let edges = [0, 400_006, 1 << 19, 530_001, 1 << 20, count].flatMap { $0 - 70..<$0 + 70 }
    return (edges + (0..<500).map { _ in random.int(0..<count) }).filter { (0..<count).contains($0) }
  }

  @Test func `Rows longer than a block, and tensors of several blocks, are cut and put together again`() throws {
    var random = SplitMix64(seed: 55)
    func model() -> [TestTensor] {
      [
        TestTensor("long", largeBF16: [2, 530_001], random: &random),
        TestTensor("rows", largeBF16: [3, 200_003], random: &random),
      ]
    }
    let (base, tuned) = (model(), model())
    let delta = PlainDelta(
      zip(base, tuned).map { base, tuned in
        PlainDelta.Part(name: base.name, shape: base.shape, values: zip(floats(tuned), floats(base)).map { $0 - $1 })
      })
    try withScene { scene in
      try scene.add((base, tuned))
      let cases = [
        CodecCase(#""codec": "dare", "density": 0.3, "seed": 9"#) { $0.dare(density: 0.3, seed: 9) },
        CodecCase(#""codec": "sign", "scale_scope": "row""#) { $0.sign(scale: .row) },
        CodecCase(#""codec": "ternary", "density": 1, "scale_scope": "row""#) { $0.ternary(density: 1, scale: .row) },
      ]
      for golden in cases {
        for (threads, name) in [(1, "a"), (3, "b")] {
          let options = RunOptions(threads: threads, overwrite: true)
          try scene.run(scene.compressText(golden.text, to: "\(name).tv.safetensors"), options)
        }
        #expect(try readFile(scene.path("a.tv.safetensors")) == readFile(scene.path("b.tv.safetensors")))
        try scene.run(scene.applyText("a.tv.safetensors"), RunOptions(threads: 2, overwrite: true))
        for (place, values) in golden.prepared(delta).enumerated() {
          let found = try #require(try scene.tensors("out")[base[place].name]).bytes
          let known = floats(base[place])
          for element in places(values.count, &random) {
            let expected = PlainDelta.applied([values[element]], to: [Double(known[element])], as: .bf16)
            #expect(Array(found[2 * element..<2 * element + 2]) == expected, "\(golden.testDescription): \(element)")
          }
        }
      }
    }
  }
}
