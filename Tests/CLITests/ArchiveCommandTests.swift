import TestSupport
import Testing
import WeirIO
import WeirPipeline
import WeirTensors

@Suite struct ArchiveCommandTests {
  /// Runs a command that must succeed without a word on standard error.
  private func weir(_ arguments: [String], in folder: String, input: String = "") throws -> String {
    let result = try Program.run(arguments, in: folder, input: input)
    #expect(result.exit == 0, "\(result.errors)")
    #expect(result.errors == "")
    return result.output
  }

  /// Runs a command that must fail, and gives its words.
  private func refused(_ arguments: [String], in folder: String, exit: Int32) throws -> String {
    let before = try snapshot(folder)
    let result = try Program.run(arguments, in: folder)
    #expect(result.exit == exit)
    #expect(try snapshot(folder) == before, "a file was left or changed")
    return result.errors
  }

  /// The weights files of a folder, without what a run puts beside them.
  private func weights(_ folder: String) throws -> [String: [UInt8]] {
    try snapshot(folder).filter { $0.key.hasSuffix(".safetensors") }
  }

  @Test func `A lossless archive gives the files of the fine-tune back`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      for tuned in ["math", "half"] {
        let archive = "\(tuned).tv.safetensors"
        // Of another type than its base, so that nothing of it is a difference.
        _ = try weir(["compress", "base", tuned, "-o", archive, "--codec", "lossless", "--quiet"], in: folder)
        _ = try weir(["verify", archive], in: folder)
        _ = try weir(["apply", "base", archive, "-o", "again", "--quiet", "--overwrite"], in: folder)
        #expect(try weights("\(folder)/again") == weights("\(folder)/\(tuned)"))
        let diff = try JSON.parse(try weir(["diff", tuned, "again", "--json"], in: folder))
        #expect(diff["same"]?.bool == true)
      }
    }
  }

  @Test func `A ternary archive keeps as many elements as its density says`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(
        [
          "compress", "base", "math", "-o", "x.tv.safetensors", "--density", "0.25", "--rule", "*norm*=dense",
          "--quiet",
        ],
        in: folder)
      let json = try JSON.parse(try weir(["inspect", "x.tv.safetensors", "--density", "--json"], in: folder))
      #expect(json["kind"]?.string == "checkpoint")
      #expect(json["ternary"]?["kept"]?.int == 64 && json["ternary"]?["elements"]?.int == 256)
      let codecs = (json["tensors"]?.array ?? []).compactMap { $0["codec"]?.string }
      #expect(codecs == ["ternary", "ternary", "ternary", "dense"])
      _ = try weir(["apply", "base", "x.tv.safetensors", "-o", "out", "--quiet"], in: folder)
      let diff = try JSON.parse(try weir(["diff", "base", "out", "--json"], in: folder))
      #expect(diff["total"]?["changed"]?.int == 64 + 8)
    }
  }

  @Test func `The printed pipeline gives the bytes of the archive`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let arguments = [
        "compress", "base", "math", "-o", "x.tv.safetensors", "--density", "0.3", "--alpha", "2", "--rule",
        "*norm*=sign,scale-scope=tensor", "--exclude", "*embed*",
      ]
      _ = try weir(arguments + ["--quiet"], in: folder)
      let first = try readFile("\(folder)/x.tv.safetensors")
      let pipeline = try weir(arguments + ["--print"], in: folder)
      _ = try weir(["run", "-", "--overwrite", "--quiet", "--threads", "1"], in: folder, input: pipeline)
      #expect(try readFile("\(folder)/x.tv.safetensors") == first)
    }
  }

  @Test func `Another base than the archive's is refused by name, unless it is forced`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["compress", "base", "math", "-o", "x.tv.safetensors", "--density", "0.5", "--quiet"], in: folder)
      let words = try refused(["apply", "code", "x.tv.safetensors", "-o", "out", "--quiet"], in: folder, exit: 1)
      #expect(words.contains("model.embed_tokens.weight") && words.contains("--force"), "\(words)")
      let forced = try Program.run(
        ["apply", "code", "x.tv.safetensors", "-o", "out", "--quiet", "--force"], in: folder)
      #expect(forced.exit == 0)
    }
  }

  @Test func `An adapter comes back as the folder of an adapter`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["compress", "adapter", "-o", "a.tv.safetensors", "--density", "0.5", "--quiet"], in: folder)
      _ = try weir(["apply", "a.tv.safetensors", "-o", "again", "--quiet"], in: folder)
      let names = Set(try snapshot("\(folder)/again").keys)
      #expect(names.isSuperset(of: ["adapter_config.json", "adapter_model.safetensors"]))
      let before = try Checkpoint.open("\(folder)/adapter").catalogue.tensors
      #expect(try Checkpoint.open("\(folder)/again").catalogue.tensors == before)
    }
  }

  @Test func `A damaged archive is told by every command that reads it`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      _ = try weir(["compress", "base", "math", "-o", "x.tv.safetensors", "--density", "0.5", "--quiet"], in: folder)
      var bytes = try readFile("\(folder)/x.tv.safetensors")
      bytes[bytes.count - 2] ^= 1
      try writeFile("\(folder)/x.tv.safetensors", bytes)
      let verified = try Program.run(["verify", "x.tv.safetensors"], in: folder)
      #expect(
        verified.exit == 1 && verified.output.contains("model.norm.weight") && verified.output.contains("1 check fails")
      )
      _ = try refused(["apply", "base", "x.tv.safetensors", "-o", "out", "--quiet"], in: folder, exit: 1)
      try writeFile("\(folder)/x.tv.safetensors", Array(bytes.dropLast(10)))
      #expect(try refused(["verify", "x.tv.safetensors"], in: folder, exit: 1).contains("x.tv.safetensors"))
      _ = try refused(["apply", "base", "x.tv.safetensors", "-o", "out", "--quiet"], in: folder, exit: 2)
      _ = try refused(["inspect", "x.tv.safetensors"], in: folder, exit: 2)
    }
  }

  // MARK: Searching

  /// A command whose score is the last number of a model, which lies in its norm.
  private static let last = "tail -c 4 {}/model.safetensors | od -An -tf4"

  @Test func `A search writes the candidate that it says is best`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let before = Set(try names(in: folder))
      let text = try weir(
        [
          "compress", "base", "math", "-o", "x.tv.safetensors", "--evaluate", Self.last, "--densities", "0.5,1",
          "--alphas", "1,2,3", "--scales", "2", "--grid", "--json", "--quiet",
        ], in: folder)
      let trials = try #require(JSON.parse(text)["trials"]?.array)
      #expect(
        trials.compactMap { $0["model"]?.string } == ["base", "tuned", "scaled"]
          + Array(repeating: "candidate", count: 6))
      #expect(trials[0]["score"]?.double == -0.5 && trials[1]["score"]?.double == 0.3125)
      #expect(trials[2]["score"]?.double == 1.125)
      let best = try #require(trials.last { $0["best"]?.bool == true })
      let scores = trials.dropFirst(3).compactMap { $0["score"]?.double }
      #expect(best["score"]?.double == scores.max())
      _ = try weir(["apply", "base", "x.tv.safetensors", "-o", "out", "--quiet"], in: folder)
      let score = try Evaluator(Self.last).score("\(folder)/out").score
      #expect(score.map { abs($0 - (best["score"]?.double ?? .nan)) < 1e-6 } == true)
      #expect(Set(try names(in: folder)).subtracting(before) == ["x.tv.safetensors", "out"])
    }
  }

  @Test func `A walk tries fewer candidates than there are, and none that is too large`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let arguments = [
        "compress", "base", "math", "-o", "x.tv.safetensors", "--evaluate", Self.last, "--quiet", "--json",
      ]
      let whole = try JSON.parse(try weir(arguments, in: folder))
      let candidates = (whole["trials"]?.array ?? []).filter { $0["model"]?.string == "candidate" }
      #expect(whole["candidates"]?.int == 45 && candidates.count < 45 && whole["exhaustive"]?.bool == false)
      let sizes = candidates.compactMap { $0["bytes"]?.int }
      let limit = try #require(sizes.min())
      let bounded = try JSON.parse(
        try weir(arguments + ["--target-size", "\(limit)", "--overwrite"], in: folder))
      let large = (bounded["trials"]?.array ?? []).filter { $0["failure"]?.string == "too large" }
      #expect(large.count >= 1 && large.allSatisfy { $0["bytes"]?.int ?? 0 > limit })
      #expect(try readFile("\(folder)/x.tv.safetensors").count <= limit)
    }
  }

  @Test func `A search in which nothing fits or scores writes nothing`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let arguments = ["compress", "base", "math", "-o", "x.tv.safetensors", "--quiet", "--scales", "2"]
      let small = try refused(arguments + ["--evaluate", "echo 1 {}", "--target-size", "10B"], in: folder, exit: 1)
      #expect(small.contains("no candidate has a score and fits the size"))
      let picky = "case {} in base|math) echo 1;; *) exit 1;; esac"
      _ = try refused(arguments + ["--evaluate", picky, "--densities", "0.5"], in: folder, exit: 1)
    }
  }
}
