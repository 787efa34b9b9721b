import TestSupport
import Testing
import WeirIO
import WeirPipeline
import WeirTensors

@Suite struct MergeTests {
  /// Runs a command that must succeed without a word.
  private func weir(_ arguments: [String], in folder: String, input: String = "") throws -> String {
    let result = try Program.run(arguments, in: folder, input: input)
    #expect(result.exit == 0)
    #expect(result.errors == "")
    return result.output
  }

  /// The F32 values of a tensor of a checkpoint.
  private func floats(_ name: String, of path: String) throws -> [Float] {
    let checkpoint = try Checkpoint.open(path)
    let location = try #require(checkpoint.location(of: name))
    let bytes = try readFile(checkpoint.files[location.file].path)[location.bytes]
    return bytes.withUnsafeBytes { data in
      (0..<data.count / 4).map { Float(bitPattern: data.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
    }
  }

  @Test func `A linear merge gives the weighted average`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["merge", "linear", "base:0.75", "math:0.25", "-o", "out", "--quiet"], in: folder)
      for (name, shape) in World.shapes {
        let count = shape.reduce(1, *)
        let expected = zip(World.values(count, seed: 0), World.values(count, seed: 1)).map { $0 * 0.75 + $1 * 0.25 }
        #expect(try floats(name, of: "\(folder)/out") == expected)
      }
    }
  }

  @Test func `A TIES merge of everything from one model gives that model`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(
        ["merge", "ties", "--base", "base", "math", "--density", "1", "-o", "out", "--quiet"], in: folder)
      for (name, shape) in World.shapes {
        #expect(try floats(name, of: "\(folder)/out") == World.values(shape.reduce(1, *), seed: 1))
      }
    }
  }

  @Test func `A SLERP merge keeps to the ends at 0 and 1`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      for (t, seed) in [("0", 0), ("1", 1)] {
        _ = try weir(
          ["merge", "slerp", "--base", "base", "math", "--t", t, "-o", "out", "--quiet", "--overwrite"], in: folder)
        let name = "model.layers.0.mlp.up_proj.weight"
        let found = try floats(name, of: "\(folder)/out")
        #expect(zip(found, World.values(64, seed: seed)).allSatisfy { abs($0 - $1) < 1e-6 })
      }
    }
  }

  @Test(arguments: [
    ["linear", "base:0.75", "math"], ["ties", "--base", "base", "math:0.75", "code", "--density", "0.5"],
    ["slerp", "--base", "base", "math", "--t", #"{"ramp": [0.25, 0.75]}"#],
    ["dare_ties", "--base", "base", "math", "code", "--density=0.5", "--seed", "7", "--normalize"],
    ["task_arithmetic", "--base", "base", "math", "code", "--lambda", "-0.5", "--exclude", "*embed*"],
  ])
  func `The printed pipeline gives the bytes of the merge`(_ words: [String]) throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let arguments = ["merge"] + words + ["-o", "out", "--dtype", "bf16", "--shard-size", "200"]
      _ = try weir(arguments + ["--quiet"], in: folder)
      let first = try snapshot("\(folder)/out")
      let pipeline = try weir(arguments + ["--print"], in: folder)
      #expect(try readFile("\(folder)/out/weir-pipeline.json") == Array(pipeline.utf8))
      _ = try weir(["run", "-", "--overwrite", "--quiet"], in: folder, input: pipeline)
      #expect(try snapshot("\(folder)/out") == first)
      _ = try weir(["run", "-", "-o", "elsewhere", "--quiet", "--threads", "1"], in: folder, input: pipeline)
      let other = try snapshot("\(folder)/elsewhere").filter { $0.key.hasSuffix(".safetensors") }
      #expect(other == first.filter { $0.key.hasSuffix(".safetensors") })
    }
  }

  @Test func `A copy casts and reshards, and what was BF16 before comes back as it was`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["copy", "half", "-o", "full", "--dtype", "f32", "--quiet"], in: folder)
      #expect(try names(in: "\(folder)/full").contains("model.safetensors"))
      _ = try weir(["copy", "full", "-o", "again", "--dtype", "bf16", "--shard-size", "300", "--quiet"], in: folder)
      let again = try Checkpoint.open("\(folder)/again")
      let before = try Checkpoint.open("\(folder)/half")
      #expect(again.catalogue.tensors == before.catalogue.tensors)
      #expect(again.files.count == 2)
      for tensor in before.catalogue.tensors {
        let bytes = try [before, again].map { checkpoint in
          let location = try #require(checkpoint.location(of: tensor.name))
          return try Array(readFile(checkpoint.files[location.file].path)[location.bytes])
        }
        #expect(bytes[0] == bytes[1])
      }
    }
  }

  @Test func `A copy into one file has no side files`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let before = Set(try names(in: folder))
      _ = try weir(["copy", "half", "-o", "lone.safetensors", "--quiet"], in: folder)
      #expect(Set(try names(in: folder)).subtracting(before) == ["lone.safetensors"])
      #expect(try Checkpoint.open("\(folder)/lone.safetensors").catalogue.byteCount == 528)
    }
  }

  @Test func `A variable is set from the command line`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      var digests: Set<String> = []
      for density in ["0.25", "0.5", "0.50"] {
        let text = try weir(
          ["run", "pipelines/ties.json", "-o", "digest:it", "--set", "density=\(density)", "--json", "--quiet"],
          in: folder)
        let report = try JSON.parse(text)
        digests.insert(try #require(report["outputs"]?.array?.first?["digest"]?.string))
      }
      #expect(digests.count == 2)
    }
  }

  @Test func `A run ends with one line that says what was done`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let result = try Program.run(["run", "pipelines/ties.json"], in: folder)
      #expect(result.exit == 0)
      #expect(result.output == "")
      let line = "4 tensors, read {any}: pipelines/../out"
      #expect(GoldenCase.matches(result.errors, line + "\n"), "\(result.errors)")
    }
  }

  @Test func `NaN passes where that is asked for`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["merge", "linear", "base", "spoilt", "-o", "out", "--nan", "propagate", "--quiet"], in: folder)
      let found = try floats("model.layers.0.mlp.up_proj.weight", of: "\(folder)/out")
      #expect(found.indices.filter { found[$0].isNaN } == [21])
    }
  }
}
