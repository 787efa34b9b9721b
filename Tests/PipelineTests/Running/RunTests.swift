import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// How the work of a run is cut.
struct RunCut: Sendable, CustomTestStringConvertible {
  let tile: Int
  let threads: Int
  let policy: ReadPolicy
  let megabytes: Int

  var testDescription: String { "tile \(tile), \(threads) threads, \(policy), \(megabytes)M" }

  var options: RunOptions {
    RunOptions(memory: megabytes << 20, threads: threads, readPolicy: policy, tileLength: tile)
  }

  /// Every value of each with most values of the others.
  static let all = [
    RunCut(tile: 4096, threads: 1, policy: .map, megabytes: 352),
    RunCut(tile: 1000, threads: 8, policy: .read, megabytes: 64),
    RunCut(tile: 1 << 18, threads: 2, policy: .read, megabytes: 352),
    RunCut(tile: 4097, threads: 8, policy: .map, megabytes: 352),
    RunCut(tile: 4096, threads: 1, policy: .read, megabytes: 16),
    RunCut(tile: 500, threads: 2, policy: .auto, megabytes: 64),
  ]

  /// Those that a debug build can do with small tensors only.
  static let fine = [
    RunCut(tile: 1, threads: 2, policy: .map, megabytes: 16),
    RunCut(tile: 7, threads: 8, policy: .read, megabytes: 352),
    RunCut(tile: 7, threads: 1, policy: .auto, megabytes: 64),
    RunCut(tile: 1 << 20, threads: 2, policy: .map, megabytes: 1024),
  ]
}

@Suite struct RunTests {
  /// A pipeline of nodes, each into a file of its own.
  private func text(_ nodes: [MergeNode], to prefix: String, more: String = "") -> String {
    let names = nodes.indices.map { "x\($0)" }
    return pipeline(
      ["base", "m", "n"], deltas: ["d"], graph: Array(zip(names, nodes.map(\.text))),
      outputs: names.map { ($0, prefix == "digest:" ? "digest:\($0)" : "\(prefix)/\($0).safetensors") },
      outputMore: more)
  }

  @Test func `Every operation gives the plain reference's numbers over whole models`() throws {
    try withScene { scene in
      try Models.write(Models.small, to: scene)
      // Written as F32, so that nothing is rounded away.
      try scene.run(text(MergeNode.all, to: "out", more: #", "dtype": "f32""#))
      for (place, node) in MergeNode.all.enumerated() {
        let expected = try #require(node.expected(Models.small), "\(node.testDescription)")
        let list = try scene.list("out/x\(place).safetensors")
        #expect(list.map(\.name) == Models.small["base"]?.map(\.name))
        for tensor in list where tensor.dtype == .f32 {
          let plain = try #require(expected[tensor.name])
          let found = tensor.values
          #expect(found.count == plain.count)
          let wrong = zip(found, plain).first { abs($0 - $1) > 3e-5 * max(1, abs($1)) }
          #expect(wrong == nil, "\(node.testDescription) of \(tensor.name)")
        }
      }
    }
  }

  @Test func `Every operation gives the same bytes for small tensors, however it is cut`() throws {
    try withScene { scene in
      try Models.write(Models.small, to: scene)
      let text = text(MergeNode.all, to: "digest:")
      var totals: [[Hash128]] = []
      for cut in RunCut.all + RunCut.fine {
        totals.append(try scene.run(text, cut.options).outputs.compactMap { $0.digest?.total })
        #expect(totals.last == totals.first, "\(cut.testDescription)")
      }
      #expect(totals.first?.count == MergeNode.all.count)
    }
  }

  /// One of each way to gather statistics, the average first.
  private static let mediumNodes = MergeNode.all.filter {
    ["linear", "slerp", "dare_ties"].contains($0.op) || $0.body.contains("row") || $0.body.contains("column")
      || ($0.op == "ties" && ["", " over the model, exactly"].contains($0.body))
  }

  @Test func `The same bytes are written for larger tensors, however they are cut`() throws {
    try withScene { scene in
      try Models.write(Models.medium, to: scene)
      var first: [[UInt8]] = []
      for (number, cut) in RunCut.all.enumerated() {
        try scene.run(text(Self.mediumNodes, to: "out\(number)"), cut.options)
        let files = try Self.mediumNodes.indices.map { try readFile(scene.path("out\(number)/x\($0).safetensors")) }
        if number == 0 { first = files }
        for (place, bytes) in files.enumerated() where bytes != first[place] {
          Issue.record("\(Self.mediumNodes[place].testDescription): \(cut.testDescription)")
        }
      }
      // The bytes are right, too: an average at both ends and in the middle, across all blocks.
      let models = Models.medium
      for tensor in try scene.list("out0/x0.safetensors") where tensor.dtype.isMergeable {
        let m = try #require(models["m"]?.first { $0.name == tensor.name }?.values)
        let n = try #require(models["n"]?.first { $0.name == tensor.name }?.values)
        var expected = zip(m, n).map { 0.2 * $0 + 0.8 * $1 }
        if let format = ReferenceFloat(tensor.dtype) {
          // Sums are rounded twice on the way, in Float32.
          expected = zip(m, n).map { format.rounded(Double(Float($0) * 0.2 + Float($1) * Float(0.8))) }
        }
        #expect(zip(tensor.values, expected).allSatisfy { abs($0 - $1) <= 0x1p-7 * abs($1) }, "\(tensor.name)")
      }
    }
  }

  @Test func `A tensor of three million elements is merged to the same bytes by one thread and by many`() throws {
    try withScene { scene in
      var random = SplitMix64(seed: 33)
      for name in ["base", "m"] { try scene.add(name, [TestTensor("w", largeBF16: [3000, 1001], random: &random)]) }
      try scene.add("n", [TestTensor("w", largeBF16: [3000, 1001], random: &random)])
      let nodes: [MergeNode] = [
        MergeNode("ties") { $0.numbers = ["density": 0.2] },
        MergeNode("slerp", models: ["m"]) { $0.numbers = ["t": 0.3] },
      ]
      let names = ["x0", "x1"]
      let text = pipeline(
        ["base", "m", "n"], graph: Array(zip(names, nodes.map(\.text))), outputs: names.map { ($0, "digest:\($0)") })
      let totals = try [
        RunCut(tile: 4096, threads: 1, policy: .map, megabytes: 352),
        RunCut(tile: 1 << 16, threads: 8, policy: .read, megabytes: 128),
      ].map { cut in try scene.run(text, cut.options).outputs.compactMap { $0.digest?.total } }
      #expect(totals[0] == totals[1])
      #expect(totals[0].count == 2)
    }
  }

  @Test func `Outputs of one run do not mix, and nodes may feed nodes`() throws {
    try withScene { scene in
      try Models.write(Models.small, to: scene)
      let text = pipeline(
        ["base", "m"],
        graph: [
          ("change", #"{"op": "subtract", "inputs": ["m", "base"]}"#),
          ("half", #"{"op": "scale", "inputs": ["change"], "factor": 0.5}"#),
          ("sum", #"{"op": "add", "inputs": ["base", "half"]}"#),
          ("line", #"{"op": "lerp", "base": "base", "models": ["m"], "t": 0.5}"#),
          ("zero", #"{"op": "subtract", "inputs": ["sum", "line"]}"#),
        ], outputs: [("sum", "sum.safetensors"), ("zero", "zero.safetensors"), ("half", "half.safetensors")],
        outputMore: #", "include": ["layers*", "cube"]"#)
      let report = try scene.run(text)
      #expect(report.outputs.map(\.tensorCount) == [5, 5, 5])
      for tensor in try scene.list("zero.safetensors") {
        #expect(tensor.values.allSatisfy { $0 == 0 }, "\(tensor.name)")
      }
      let halves = try scene.tensors("half.safetensors")
      #expect(halves["cube"]?.values.contains { $0 != 0 } == true)
    }
  }

  @Test(arguments: [1, 1000, 5000, 1 << 30])
  func `Shards hold what one file holds`(shardBytes: Int) throws {
    try withScene { scene in
      try Models.write(Models.small, to: scene)
      let node = MergeNode("ties", models: ["m", "n"]) { $0.numbers = ["density": 0.3] }
      let text = pipeline(
        ["base", "m", "n"], graph: [("x", node.text)], outputs: [("x", "out")],
        outputMore: #", "shard_size": \#(shardBytes)"#)
      let report = try scene.run(text)
      try scene.run(pipeline(["base", "m", "n"], graph: [("x", node.text)], outputs: [("x", "one.safetensors")]))
      #expect(try scene.list("out") == scene.list("one.safetensors"))
      let shards = try scene.names("out").filter { $0.hasSuffix(".safetensors") }
      #expect(shards.count == report.outputs[0].fileCount)
      #expect(try scene.names("out").contains("model.safetensors.index.json") == (shards.count > 1))
      // One tensor a file, but for the empty ones that cost nothing.
      if shardBytes == 1 { #expect(shards.count >= 9) }
      if shardBytes == 1 << 30 { #expect(shards == ["model.safetensors"]) }
    }
  }

  @Test func `An output of empty tensors alone is written`() throws {
    try withScene { scene in
      try scene.add("a", [TestTensor("e", .f32, [0], []), TestTensor("f", .bf16, [3, 0], [])])
      for (op, out) in [("abs", "a1"), ("sign", "a2")] {
        try scene.run(
          pipeline(
            ["a"], graph: [("n", #"{"op": "\#(op)", "inputs": ["a"]}"#)], outputs: [("n", out), ("n", "digest:")]))
        #expect(try scene.list(out).map(\.shape) == [[0], [3, 0]])
      }
    }
  }

  @Test func `Thousands of small tensors are each merged once`() throws {
    try withScene { scene in
      func tensors(_ value: Double) -> [TestTensor] {
        (0..<1500).map { number in
          let count = number % 7 == 0 ? 0 : 1 + number % 3
          return TestTensor("t\(number)", .f32, [count], Array(repeating: value, count: count))
        }
      }
      try scene.add("base", tensors(1))
      try scene.add("m", tensors(3))
      let node = #"{"op": "ties", "base": "base", "models": ["m"], "density": 0.5}"#
      let text = pipeline(["base", "m"], graph: [("n", node)], outputs: [("n", "out.safetensors")])
      try scene.run(text, RunOptions(threads: 8))
      // Of one or three elements one is kept, of two one.
      for tensor in try scene.list("out.safetensors") {
        let count = tensor.shape[0]
        #expect(tensor.values == [[], [3], [3, 1], [3, 1, 1]][count])
      }
    }
  }
}
