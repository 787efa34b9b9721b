import TestSupport
import Testing
import WeirIO
import WeirTensors

/// Adapters on the command line: beside a base, behind a plus, by themselves.
@Suite struct AdapterCommandTests {
  private static let name = "model.layers.0.mlp.up_proj.weight"

  /// Small models, and an adapter of the base whose change is 2 everywhere.
  private func withAdapter(_ body: (String) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      try makeFolder("\(folder)/lora")
      try writeFile(
        "\(folder)/lora/adapter_config.json",
        #"{"peft_type": "LORA", "r": 1, "lora_alpha": 2, "modules_to_save": ["head"]}"#)
      let ones = float32Bytes([Float](repeating: 1, count: 8))
      try writeSafetensors(
        path: "\(folder)/lora/adapter_model.safetensors",
        tensors: [
          ("base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", .f32, [1, 8], ones),
          ("base_model.model.model.layers.0.mlp.up_proj.lora_B.weight", .f32, [8, 1], ones),
        ])
      try body(folder)
    }
  }

  private func floats(_ path: String) throws -> [Float] {
    let checkpoint = try Checkpoint.open(path)
    let location = try #require(checkpoint.location(of: Self.name))
    let bytes = try readFile(checkpoint.files[location.file].path)[location.bytes]
    return bytes.withUnsafeBytes { data in
      (0..<64).map { Float(bitPattern: data.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
    }
  }

  @Test func `Apply, and merges of an adapter beside a base or behind a plus, give the changed model`() throws {
    try withAdapter { folder in
      let expected = World.values(64, seed: 0).map { $0 + 2 }
      for arguments in [
        ["apply", "base", "lora"], ["merge", "passthrough", "base+lora"],
        ["merge", "task_arithmetic", "--base", "base", "lora"],
        ["merge", "task_arithmetic", "--base", "base", "base+lora:1"],
      ] {
        let result = try Program.run(arguments + ["-o", "out", "--quiet", "--overwrite"], in: folder)
        #expect(result.exit == 0, "\(result.errors)")
        #expect(try floats("\(folder)/out") == expected)
      }
    }
  }

  @Test func `Inspect tells rank and scale, and why an adapter cannot be applied`() throws {
    try withAdapter { folder in
      let text = try Program.run(["inspect", "lora"], in: folder)
      #expect(text.output.contains("LoRA of 1 module, rank 1, scale 2\n"))
      #expect(text.errors.contains("'modules_to_save' names 'head', of which the adapter has no tensor"))
      let json = try JSON.parse(Array(try Program.run(["inspect", "lora", "--json"], in: folder).output.utf8))
      #expect(json["adapter"]?["modules"]?.array?.first?["scale"]?.double == 2)
      try writeFile("\(folder)/lora/adapter_config.json", #"{"peft_type": "LOHA"}"#)
      let refused = try Program.run(["inspect", "lora"], in: folder)
      #expect(refused.exit == 0)
      #expect(refused.errors.contains("a 'LOHA' adapter, expected an adapter of type 'LORA'"))
    }
  }
}
