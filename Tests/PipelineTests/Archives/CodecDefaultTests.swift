import TestSupport
import Testing
import WeirIO
import WeirOps

@testable import WeirPipeline

@Suite struct CodecDefaultTests {
  /// A fine-tune of some hundred elements, so that small densities keep some of them.
  private func write(to scene: Scene) throws {
    var random = SplitMix64(seed: 11)
    for name in ["base", "tuned"] {
      try scene.add(name, [TestTensor("a.weight", .f32, [24, 40], random: &random)])
    }
  }

  private func archive(_ codec: String, _ parameters: String, _ scene: Scene) throws -> Archive {
    try scene.run(
      pipeline(
        ["base", "tuned"], graph: [], outputs: [("tuned", "x.tv.safetensors")],
        outputMore: #", "base": "base", "codec": "\#(codec)"\#(parameters)"#))
    return try Archive.open(scene.path("x.tv.safetensors"))
  }

  @Test(arguments: CodecRegistry.names)
  func `A codec without parameters does what its defaults do when they are given`(codec: String) throws {
    let declaration = try #require(CodecRegistry.declaration(named: codec))
    let parameters = declaration.parameters.compactMap { parameter -> String? in
      guard let standard = parameter.standard else { return nil }
      if case .choice(let word) = standard { return #", "\#(parameter.name)": "\#(word)""# }
      return #", "\#(parameter.name)": \#(standard)"#
    }
    let results = try ["", parameters.joined()].map { parameters in
      try withScene { scene in
        try write(to: scene)
        return try archive(codec, parameters, scene)
      }
    }
    #expect(results[0].resultFingerprint != nil && results[0].resultFingerprint == results[1].resultFingerprint)
    #expect(results[0].file.byteCount > 0 && results[0].resultFingerprint != results[0].baseFingerprint)
  }
}
