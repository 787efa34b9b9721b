import TestSupport
import Testing
import WeirIO
import WeirTensors

@Suite("Checkpoint")
struct CheckpointTests {
  static let a: FixtureTensor = ("a", .f32, [2], [0, 1, 2, 3, 4, 5, 6, 7])
  static let b: FixtureTensor = ("b", .u8, [3], [8, 9, 10])
  static let c: FixtureTensor = ("c", .bf16, [], [11, 12])

  /// What is said when `path` is opened.
  private func message(_ path: String) -> String? {
    do {
      _ = try Checkpoint.open(path)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func bytes(_ checkpoint: Checkpoint, _ name: String) throws -> [UInt8] {
    let location = try #require(checkpoint.location(of: name))
    var reader = WindowReader()
    return Array(try reader.open(checkpoint.files[location.file], location.bytes, slot: 0))
  }

  @Test func `A lone file is a checkpoint`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.safetensors"
      try writeSafetensors(path: path, tensors: [Self.a, Self.b], metadata: ["format": "pt", "k": "v"])
      let checkpoint = try Checkpoint.open(path)
      #expect(checkpoint.path == path)
      #expect(checkpoint.folder == folder)
      #expect(checkpoint.catalogue.tensors.map(\.name) == ["a", "b"])
      #expect(checkpoint.metadata == ["format": "pt", "k": "v"])
      #expect(checkpoint.config == nil)
      #expect(checkpoint.notes.isEmpty)
      #expect(checkpoint.quantisation == nil)
      #expect(checkpoint.location(of: "z") == nil)
      #expect(try bytes(checkpoint, "b") == Self.b.bytes)
    }
  }

  @Test(arguments: ["model.safetensors", "adapter_model.safetensors", "model-00001-of-00001.safetensors"])
  func `A folder with one file is a checkpoint`(_ name: String) throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/\(name)", tensors: [Self.a])
      try writeFile("\(folder)/pytorch_model.bin", "not looked at")
      try writeFile("\(folder)/._model.safetensors", "a resource fork")
      let checkpoint = try Checkpoint.open("\(folder)/")
      #expect(checkpoint.folder == folder)
      #expect(try bytes(checkpoint, "a") == Self.a.bytes)
      #expect(checkpoint.notes.isEmpty)
    }
  }

  @Test func `Shards are read in the order of their names, in each in the order of its data`() throws {
    try withTemporaryDirectory { folder in
      try writeShards(folder: folder, shards: [[Self.c, Self.a], [Self.b]])
      for path in [folder, "\(folder)/model.safetensors.index.json"] {
        let checkpoint = try Checkpoint.open(path)
        #expect(checkpoint.folder == folder)
        #expect(checkpoint.files.count == 2)
        #expect(checkpoint.catalogue.tensors.map(\.name) == ["c", "a", "b"])
        #expect(checkpoint.locations.map(\.file) == [0, 0, 1])
        #expect(checkpoint.notes.isEmpty)
        for tensor in [Self.a, Self.b, Self.c] { #expect(try bytes(checkpoint, tensor.name) == tensor.bytes) }
      }
    }
  }

  @Test func `A whole series needs no index`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/m-00001-of-00002.safetensors", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/m-00002-of-00002.safetensors", tensors: [Self.b])
      #expect(try Checkpoint.open(folder).catalogue.tensors.map(\.name) == ["a", "b"])
      let lone = try Checkpoint.open("\(folder)/m-00002-of-00002.safetensors")
      #expect(lone.notes == ["'m-00002-of-00002.safetensors' is one shard of 2: the others are not read"])
    }
  }

  @Test func `A missing shard of a series is reported by name`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/m-00001-of-00003.safetensors", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/m-00003-of-00003.safetensors", tensors: [Self.b])
      let expected =
        "\(folder): shard 'm-00002-of-00003.safetensors' is missing, expected the whole series; fetch the missing file"
      #expect(message(folder) == expected)
    }
  }

  @Test func `A series that claims to be endless is refused at once`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/m-1-of-9.safetensors", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/n-0000000001-of-9999999999.safetensors", tensors: [Self.b])
      #expect(message(folder)?.contains("several possible checkpoints") == true)
      try writeSafetensors(path: "\(folder)/model.safetensors", tensors: [Self.b])
      #expect(message(folder) == nil)
    }
  }

  @Test func `A tensor in two files is refused`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/m-00001-of-00002.safetensors", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/m-00002-of-00002.safetensors", tensors: [Self.b, Self.a])
      let expected =
        "\(folder)/m-00002-of-00002.safetensors: tensor 'a': also in 'm-00001-of-00002.safetensors', "
        + "expected in one file only"
      #expect(message(folder) == expected)
    }
  }

  @Test func `Stray files are ignored with a note`() throws {
    try withTemporaryDirectory { folder in
      try writeShards(folder: folder, shards: [[Self.a], [Self.b]])
      try writeFile("\(folder)/consolidated.safetensors", "not even looked at")
      #expect(
        try Checkpoint.open(folder).notes == ["ignored 'consolidated.safetensors': not named by the index"])
    }
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/model.safetensors", tensors: [Self.a])
      try writeFile("\(folder)/model.fp16.safetensors", "not even looked at")
      #expect(
        try Checkpoint.open(folder).notes
          == ["ignored 'model.fp16.safetensors': 'model.safetensors' is the checkpoint"])
    }
  }

  @Test func `A tensor that the index does not place is ignored with a note`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/1.safetensors", tensors: [Self.a, Self.b, Self.c])
      try writeSafetensors(path: "\(folder)/2.safetensors", tensors: [Self.b])
      try writeFile(
        "\(folder)/model.safetensors.index.json",
        #"{"metadata":{"total_size":99},"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}"#)
      let checkpoint = try Checkpoint.open(folder)
      #expect(checkpoint.catalogue.tensors.map(\.name) == ["a", "b"])
      #expect(checkpoint.location(of: "b")?.file == 1)
      #expect(
        checkpoint.notes == [
          "ignored 2 tensors ('b', …) of '1.safetensors': not placed there by the index",
          "the index gives a total_size of 99 bytes, its tensors have 11",
        ])
    }
  }

  /// An index and what is said of it, after its path.
  static let hostileIndexes: [(String, String)] = [
    ("", ":1:1: found the end of the text, expected a value"),
    ("[]", ":1:1: found an array, expected an object"),
    ("{}", ":1:1: no 'weight_map', expected an index of a checkpoint's shards"),
    (#"{"weight_map":[]}"#, ":1:15: 'weight_map' is an array, expected an object"),
    (#"{"weight_map":{}}"#, ":1:15: 'weight_map' is empty, expected tensors"),
    ("{\"weight_map\":\n {\"a\":1}}", ":2:7: 'a' is a number, expected the name of a shard"),
    (
      #"{"weight_map":{"a":"1.safetensors","a":"1.safetensors"}}"#,
      ":1:36: found the key 'a' again, expected it once"
    ),
    (
      #"{"weight_map":{"a":"../1.safetensors"}}"#,
      ":1:20: file name '../1.safetensors' leads out of the folder, expected a plain file name"
    ),
    (
      #"{"weight_map":{"a":"/etc/1.safetensors"}}"#,
      ":1:20: file name '/etc/1.safetensors' leads out of the folder, expected a plain file name"
    ),
    (
      #"{"weight_map":{"a":"sub/1.safetensors"}}"#,
      ":1:20: file name 'sub/1.safetensors' leads out of the folder, expected a plain file name"
    ),
    (
      #"{"weight_map":{"a":".."}}"#,
      ":1:20: file name '..' leads out of the folder, expected a plain file name"
    ),
    (#"{"weight_map":{"a":""}}"#, ":1:20: file name '' leads out of the folder, expected a plain file name"),
    (
      #"{"weight_map":{"a":"1.safetensors\u0000"}}"#,
      ":1:20: file name '1.safetensors\\u{0}' leads out of the folder, expected a plain file name"
    ),
    (
      #"{"weight_map":{"a":"1.bin"}}"#,
      ": PyTorch pickle file, which can run code when it is opened, expected safetensors; "
        + "convert it with the safetensors library (save_file), or fetch the model's safetensors files"
    ),
    (#"{"weight_map":{"a":"1.txt"}}"#, ":1:20: 'a' is in '1.txt', expected a .safetensors file"),
    (
      #"{"weight_map":{"a":"2.safetensors"}}"#,
      ":1:16: names '2.safetensors', which does not exist, expected it beside the index; fetch the missing file"
    ),
    (
      #"{"weight_map":{"a":"1.safetensors","z":"1.safetensors"}}"#,
      ":1:36: tensor 'z': not in '1.safetensors', expected there by the index; "
        + "fetch the index and its shards from one version"
    ),
  ]

  @Test(arguments: hostileIndexes) func `A hostile index is refused`(_ text: String, _ said: String) throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/1.safetensors", tensors: [Self.a])
      let path = "\(folder)/model.safetensors.index.json"
      try writeFile(path, text)
      #expect(message(folder) == path + said)
      #expect(message(path) == path + said)
    }
  }

  @Test(arguments: [
    ("pytorch_model.bin", "PyTorch pickle"), ("consolidated.00.pth", "PyTorch pickle"), ("model.pt", "PyTorch pickle"),
    ("v1-5.ckpt", "PyTorch pickle"), ("pytorch_model.bin.index.json", "PyTorch pickle"),
    ("model-Q4_K_M.GGUF", "GGUF file"), ("tf_model.h5", "HDF5"), ("weights.npz", "NumPy"), ("model.onnx", "ONNX"),
  ])
  func `Another format is refused with the remedy, in a folder and by itself`(_ name: String, _ said: String) throws {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/\(name)", "whatever")
      try writeFile("\(folder)/config.json", "{}")
      for path in [folder, "\(folder)/\(name)"] {
        let text = try #require(message(path))
        #expect(text.hasPrefix("\(folder)/\(name): \(said)"))
        #expect(text.contains("expected safetensors; "))
      }
    }
  }

  @Test func `What is no checkpoint is refused`() throws {
    try withTemporaryDirectory { folder in
      #expect(
        message(folder)
          == "\(folder): no checkpoint in this folder, expected a .safetensors file or an index; "
          + "give the folder that holds the weights")
      #expect(message("\(folder)/none") == "\(folder)/none: no such file or folder")
      #expect(message("") == ": no such file or folder")
      #expect(message("/dev/null") == "/dev/null: not a regular file, expected a file or a folder of files")
      try writeFile("\(folder)/file", "x")
      #expect(message("\(folder)/file/x.safetensors") == "\(folder)/file/x.safetensors: no such file or folder")
      try makeFolder("\(folder)/model.safetensors")
      #expect(
        message(folder)
          == "\(folder)/model.safetensors: not a regular file, expected a file or a folder of files")
      try makeLink("\(folder)/adapter.safetensors", to: "nowhere")
      #expect(message("\(folder)/adapter.safetensors") == "\(folder)/adapter.safetensors: no such file or folder")
    }
  }

  @Test func `Several possible checkpoints are refused`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/x.safetensors", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/y.safetensors", tensors: [Self.b])
      #expect(
        message(folder)
          == "\(folder): several possible checkpoints ('x.safetensors', 'y.safetensors'), expected one; "
          + "give the file or the index itself")
    }
  }

  @Test func `Links are followed as model caches lay them out`() throws {
    try withTemporaryDirectory { folder in
      try makeFolder("\(folder)/blobs")
      try makeFolder("\(folder)/snapshots")
      try makeFolder("\(folder)/snapshots/0123")
      try writeSafetensors(path: "\(folder)/blobs/aa", tensors: [Self.a])
      try writeSafetensors(path: "\(folder)/blobs/bb", tensors: [Self.b])
      try writeFile(
        "\(folder)/blobs/cc", #"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#)
      try writeFile("\(folder)/blobs/dd", #"{"model_type":"x"}"#)
      let snapshot = "\(folder)/snapshots/0123"
      try makeLink("\(snapshot)/model-1.safetensors", to: "../../blobs/aa")
      try makeLink("\(snapshot)/model-2.safetensors", to: "../../blobs/bb")
      try makeLink("\(snapshot)/model.safetensors.index.json", to: "../../blobs/cc")
      try makeLink("\(snapshot)/config.json", to: "../../blobs/dd")
      let checkpoint = try Checkpoint.open(snapshot)
      #expect(try bytes(checkpoint, "b") == Self.b.bytes)
      #expect(checkpoint.config?["model_type"]?.string == "x")
      #expect(checkpoint.files[0].identity == (try InputFile(path: "\(folder)/blobs/aa").identity))
      #expect(try Checkpoint.open("\(folder)/blobs/aa").catalogue.tensors.count == 1)
    }
  }

  @Test func `A config is read with the numbers that only Python writes`() throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/model.safetensors", tensors: [Self.a])
      let text = #"{"num_hidden_layers": 2, "time_step_limit": [0.0, Infinity]}"#
      try writeFile("\(folder)/config.json", text)
      let checkpoint = try Checkpoint.open(folder)
      #expect(checkpoint.config?["num_hidden_layers"]?.int == 2)
      #expect(checkpoint.configBytes == Array(text.utf8))
    }
  }

  @Test func `A broken config is an error in a folder and a note beside a lone file`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/model.safetensors"
      try writeSafetensors(path: path, tensors: [Self.a])
      try writeFile("\(folder)/config.json", "{\n  \"a\": 1,\n}")
      let said = "\(folder)/config.json:3:1: found '}', expected a key after ','"
      #expect(message(folder) == said)
      #expect(try Checkpoint.open(path).notes == ["ignored 'config.json': \(said)"])
      try writeFile("\(folder)/config.json", "3")
      #expect(message(folder) == "\(folder)/config.json:1:1: found a number, expected an object")
    }
  }

  static let configs: [(String, String?)] = [
    (#"{"quantization_config":{"quant_method":"gptq","bits":4}}"#, "GPTQ (quantization_config.quant_method)"),
    (#"{"quantization_config":{"load_in_4bit":true}}"#, "bitsandbytes (quantization_config)"),
    (
      #"{"compression_config":{"quant_method":"compressed-tensors"}}"#,
      "compressed-tensors (compression_config.quant_method)"
    ),
    (#"{"text_config":{"quantization_config":{"quant_method":"awq"}}}"#, "AWQ (quantization_config.quant_method)"),
    (#"{"quantization":{"group_size":64,"bits":4}}"#, "MLX, 4 bits (quantization.bits)"),
    (#"{"quantization_config":null}"#, nil), (#"{"quantization_config":{}}"#, nil),
  ]

  @Test(arguments: configs)
  func `A quantised checkpoint is recognised by its config`(_ config: String, _ found: String?) throws {
    try withTemporaryDirectory { folder in
      try writeSafetensors(path: "\(folder)/model.safetensors", tensors: [Self.a])
      try writeFile("\(folder)/config.json", config)
      #expect(try Checkpoint.open(folder).quantisation == found)
    }
  }

  static let names: [(String, DType, String?)] = [
    ("q.qweight", DType.i32, "GPTQ or AWQ (tensors named '*.qweight')"),
    ("q.weight.absmax", .f32, "bitsandbytes (tensors named '*.absmax')"),
    ("q.SCB", .f32, "bitsandbytes (tensors named '*.SCB')"),
    ("q.weight_packed", .i32, "compressed-tensors (tensors named '*.weight_packed')"),
    ("q.weight_scale_inv", .f32, "FP8 with scales (tensors named '*.weight_scale_inv')"),
    ("p.scales", .f32, "packed U32 (tensors named '*.scales')"),
    ("r.scales", .f32, nil),  // Scales without packed weights are weights.
    ("scales", .f32, nil),
  ]

  @Test(arguments: names)
  func `A quantised checkpoint is recognised by its names`(_ name: String, _ dtype: DType, _ found: String?) throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.safetensors"
      let packed: FixtureTensor = ("p.weight", .u32, [1], [0, 0, 0, 0])
      let plain: FixtureTensor = ("r.weight", .f32, [1], [0, 0, 0, 0])
      try writeSafetensors(path: path, tensors: [packed, plain, (name, dtype, [1], [0, 0, 0, 0])])
      #expect(try Checkpoint.open(path).quantisation == found)
    }
  }

  @Test func `Messages stay on one line whatever a file is called`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/a\nb\u{1b}[2J\u{202e}.safetensors"
      try writeFile(path, "")
      let text = try #require(message(path))
      #expect(text.hasPrefix("\(folder)/a\\u{a}b\\u{1b}[2J\\u{202e}.safetensors: file is 0 bytes"))
    }
  }
}
