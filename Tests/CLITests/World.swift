import TestSupport
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// The small models, sound and unsound, among which every command-line test runs.
enum World {
  /// Makes all of them in an empty folder.
  static func make(in folder: String) throws {
    try makeSound(folder)
    try makeUnfit(folder)
    try makeBroken(folder)
    try makePipelines(folder)
    try makeUnfinished(folder)
  }

  /// What a merge of 'base' and 'math' into 'unfinished' has left that was ended: a journal of a piece.
  private static func makeUnfinished(_ folder: String) throws {
    let request = MergeRequest(
      base: nil, words: ["linear", "\(folder)/base", "\(folder)/math:0.25"],
      output: MadeOutput(path: "\(folder)/unfinished"), onMissing: nil, onMismatch: nil)
    let plan = try Plan.make(try request.pipeline().parse())
    let partial = "\(folder)/.unfinished.weir-partial"
    try makeFolder(partial)
    try makeFolder("\(partial)/files")
    try writeFile("\(partial)/lock", "")
    let journal = try Journal.open("\(partial)/journal").journal
    try journal.append(JournalEntry.identity(try RunIdentity(plan, output: 0).bytes).record)
    let piece = TensorHasher.Piece(tensor: 0, number: 0, hash: Hash128([1]))
    try journal.append(JournalEntry.pieces([piece]).record)
  }

  /// A number that is exact in BF16, so that sums and casts are too.
  static func value(_ place: Int, seed: Int) -> Float { Float((place * 7 + seed * 13) % 23 - 11) / 16 }

  static func values(_ count: Int, seed: Int) -> [Float] { (0..<count).map { value($0, seed: seed) } }

  static let shapes = [
    ("model.embed_tokens.weight", [16, 8]), ("model.layers.0.mlp.up_proj.weight", [8, 8]),
    ("model.layers.1.mlp.up_proj.weight", [8, 8]), ("model.norm.weight", [8]),
  ]

  /// The tensors of a model, told apart by its seed.
  static func tensors(seed: Int) -> [FixtureTensor] {
    shapes.map { name, shape in
      (name, .f32, shape, float32Bytes(values(shape.reduce(1, *), seed: seed)))
    }
  }

  static let config = """
    {
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "hidden_size": 8,
      "num_hidden_layers": 2,
      "vocab_size": 16,
      "torch_dtype": "float32"
    }

    """

  private static func model(
    _ folder: String, _ name: String, _ tensors: [FixtureTensor], config: String? = World.config
  ) throws {
    try makeFolder("\(folder)/\(name)")
    try writeSafetensors(path: "\(folder)/\(name)/model.safetensors", tensors: tensors)
    if let config { try writeFile("\(folder)/\(name)/config.json", config) }
  }

  private static func makeSound(_ folder: String) throws {
    for (seed, name) in ["base", "math", "code"].enumerated() { try model(folder, name, tensors(seed: seed)) }
    let half = tensors(seed: 1).map { tensor -> FixtureTensor in
      let count = tensor.shape.reduce(1, *)
      return (tensor.name, .bf16, tensor.shape, bfloat16Bytes(values(count, seed: 1)))
    }
    try makeFolder("\(folder)/half")
    try writeShards(folder: "\(folder)/half", shards: [Array(half[..<2]), Array(half[2...])])
    try writeFile("\(folder)/half/config.json", config)
    try writeSafetensors(path: "\(folder)/one.safetensors", tensors: tensors(seed: 2))
    try writeSafetensors(path: "\(folder)/change.safetensors", tensors: tensors(seed: 5))
    try makeFolder("\(folder)/adapter")
    try writeFile("\(folder)/adapter/adapter_config.json", #"{"peft_type": "LORA", "r": 2}"#)
    try writeSafetensors(
      path: "\(folder)/adapter/adapter_model.safetensors",
      tensors: [
        ("base_model.model.layers.0.q_proj.lora_A.weight", .f32, [2, 8], float32Bytes(values(16, seed: 6))),
        ("base_model.model.layers.0.q_proj.lora_B.weight", .f32, [8, 2], float32Bytes(values(16, seed: 7))),
      ])
    // An earlier output, and a folder that is none.
    try model(folder, "earlier", tensors(seed: 3))
    try makeFolder("\(folder)/notes")
    try writeFile("\(folder)/notes/diary.txt", "dear diary")
    try makeFolder("\(folder)/empty")
  }

  /// Sound checkpoints that cannot be merged with the others.
  private static func makeUnfit(_ folder: String) throws {
    var wide = tensors(seed: 1)
    wide[0] = ("model.embed_tokens.weight", .f32, [17, 8], float32Bytes(values(136, seed: 1)))
    wide[1] = ("model.layers.0.mlp.up_proj.weight", .f32, [4, 16], float32Bytes(values(64, seed: 1)))
    try model(folder, "wide", wide)
    try model(folder, "fewer", Array(tensors(seed: 1)[..<2]))
    try model(folder, "integers", tensors(seed: 1).map { ($0.name, .i32, $0.shape, $0.bytes) })
    try model(
      folder, "quantised", tensors(seed: 1),
      config: #"{"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}}"#)
    var spoilt = tensors(seed: 1)
    var numbers = values(64, seed: 1)
    numbers[21] = .nan
    spoilt[1].bytes = float32Bytes(numbers)
    try model(folder, "spoilt", spoilt)
    for (name, rows) in [("words-a", #""the": 0, "a": 1, "of": 2"#), ("words-b", #""the": 0, "of": 1, "a": 2"#)] {
      try model(folder, name, tensors(seed: 1))
      try writeFile("\(folder)/\(name)/tokenizer.json", #"{"model": {"vocab": {\#(rows)}}}"#)
    }
    try writeFile("\(folder)/words-a/chat_template.jinja", "{{ messages }}")
    // A header that promises four terabytes, and a file with a hole that large.
    let size = 4 << 40
    let header =
      #"{"vast.weight":{"dtype":"F32","shape":[\#(size / 4)],"data_offsets":[0,\#(size)]}}"#
    let bytes = safetensorsBytes(header: header)
    try writeFile("\(folder)/vast.safetensors", bytes)
    try? resizeFile("\(folder)/vast.safetensors", to: bytes.count + size)
  }

  /// Files that are no checkpoints, or damaged ones.
  private static func makeBroken(_ folder: String) throws {
    func file(_ name: String, _ entries: String, data: Int = 0, length: UInt64? = nil) throws {
      let header = entries.hasPrefix("\"") ? "{\(entries)}" : entries
      try writeFile(
        "\(folder)/\(name).safetensors",
        safetensorsBytes(header: header, data: Array(repeating: 0, count: data), length: length))
    }
    let whole = safetensorsBytes(tensors(seed: 1))
    try makeFolder("\(folder)/truncated")
    try writeFile("\(folder)/truncated/model.safetensors", Array(whole.dropLast(100)))
    try writeFile("\(folder)/stub.safetensors", [1, 2, 3])
    try writeFile("\(folder)/nothing.safetensors", "")
    try writeFile("\(folder)/model.gguf", "GGUF....")
    try writeFile("\(folder)/disguised.safetensors", "GGUF\u{3}\u{0}\u{0}\u{0}\u{1}\u{0}\u{0}\u{0}")
    try makeFolder("\(folder)/pickle")
    try writeFile("\(folder)/pickle/pytorch_model.bin", "PK\u{3}\u{4}")
    try file("vast-header", "{}", length: 1 << 60)
    try file("long-header", "{}", length: 90 << 20)
    try file("no-json", "{\"a\": nope}")
    try file("array", "[]")
    try file("twice", tensor("a", [0, 4]) + "," + tensor("a", [4, 8]), data: 8)
    try file("overlap", tensor("a", [0, 4]) + "," + tensor("b", [2, 6]), data: 6)
    try file("hole", tensor("a", [0, 4]) + "," + tensor("b", [6, 10]), data: 10)
    try file("backwards", tensor("a", [4, 0]), data: 4)
    try file("miscounted", tensor("a", [0, 8]), data: 8)
    try file("trailing", tensor("a", [0, 4]), data: 9)
    try file("beyond", tensor("a", [0, 4]), data: 2)
    try file("strange-dtype", #""a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}"#, data: 4)
    try file("negative", #""a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#, data: 4)
    try file(
      "overflow", #""a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}"#, data: 4)
    try file("deep", String(repeating: "[", count: 100_000))
    try makeFolder("\(folder)/escaping")
    try writeFile(
      "\(folder)/escaping/model.safetensors.index.json", #"{"weight_map": {"a": "../one.safetensors"}}"#)
    try makeFolder("\(folder)/lacking")
    try writeFile(
      "\(folder)/lacking/model.safetensors.index.json",
      #"{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"#)
    try makeFolder("\(folder)/series")
    try writeSafetensors(
      path: "\(folder)/series/model-00001-of-00003.safetensors", tensors: Array(tensors(seed: 1)[..<1]))
    try makeFolder("\(folder)/two")
    for name in ["first", "second"] {
      try writeSafetensors(path: "\(folder)/two/\(name).safetensors", tensors: tensors(seed: 1))
    }
  }

  private static func tensor(_ name: String, _ offsets: [Int]) -> String {
    #""\#(name)":{"dtype":"F32","shape":[1],"data_offsets":[\#(offsets[0]),\#(offsets[1])]}"#
  }

  private static func makePipelines(_ folder: String) throws {
    try makeFolder("\(folder)/pipelines")
    let sources = #""base": "../base", "math": "../math", "code": "../code""#
    try writeFile(
      "\(folder)/pipelines/ties.json",
      """
      {
        "weir": 1,
        "variables": { "density": 0.5 },
        "sources": { \(sources) },
        "graph": {
          "merged": {
            "op": "ties", "base": "base",
            "models": [ { "from": "math", "weight": 0.75 }, "code" ],
            "density": { "var": "density" }
          }
        },
        "outputs": [ { "from": "merged", "to": "../out" } ]
      }

      """)
    try writeFile(
      "\(folder)/pipelines/wrong.json",
      """
      {
        "weir": 1,
        "sources": { \(sources) },
        "graph": {
          "merged": { "op": "linaer", "models": ["math", "cod"] },
          "first": { "op": "scale", "inputs": ["second"], "factr": 2 },
          "second": { "op": "scale", "inputs": ["first"], "factor": 2 }
        },
        "outputs": [ { "from": "merged", "to": "../out", "dtype": "bf61" }, { "from": "first", "to": "../other" } ]
      }

      """)
  }
}
