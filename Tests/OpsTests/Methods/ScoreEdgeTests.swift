import TestSupport
import Testing

@testable import WeirOps

/// What methods that score elements and columns do at their edges, by numbers worked out by hand.
@Suite struct ScoreEdgeTests {
  private static let f = FixtureF.self
  private static let zeros = [Double](repeating: 0, count: 8)

  @Test func `An element that one model alone keeps is taken unshrunk`() throws {
    // Of eight elements the largest magnitude is always limited to the next.
    let models: [[Double]] = [[4, 0.5, 3, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0.5, -3, 2]]
    let found = try Call(base: Self.zeros, models: models, numbers: ["ratio": 0.5]).run("pcb")
    for (found, expected) in zip(found, [3, 0.5, 3, 0, 0, 0.5, -2, 2]) { #expect(abs(found - expected) < 1e-12) }
  }

  @Test(arguments: ["a", "b"])
  func `So many models compete that e to their number is out of range`(variant: String) throws {
    let models = (0..<100).map { k in Self.f.models[k % 3] }
    for double in [true, false] {
      let call = Call(base: Self.f.base, models: models, numbers: ["ratio": 0.5], choices: ["variant": variant])
      let found = try call.run("pcb", double: double)
      #expect(found.allSatisfy { $0.isFinite } && found != Self.f.base)
    }
  }

  @Test func `Equal changes of columns rank by their order`() throws {
    // The first model changed nothing: its columns rank by their order, and the second stands out. Of the second model the
    // first column grew; neither turned, as the base's first is zero, so that the second stands out.
    let call = Call(base: [0, 1, 0, 1], models: [[0, 1, 0, 1], [1, 1, 1, 1]], shape: [2, 2])
    #expect(try call.run("widen") == [0.75, 1, 0.75, 1])
  }

  @Test func `Several models may each give a whole column`() throws {
    let call = Call(
      base: Self.zeros, models: [Self.f.m1, Self.f.m1], shape: [2, 4], numbers: ["above_average_value_ratio": 0])
    let found = try call.run("widen")
    #expect(found[3] == 2 * Self.f.m1[3] && found[7] == 2 * Self.f.m1[7])
  }

  @Test func `Factors of adapters that are summed apart give the product that the authors have`() throws {
    let call = Call(
      models: [[0.5, -0.125, 0.25, 0, 1, -0.5], [-0.25, 0.375, 0.125, 0.5, 0.5, 0.75]],
      perModel: ["density": [0.5, 0.75], "scale": [0.8, -0.4]], choices: ["form": "lora"],
      parts: [ReferencePart("q_proj.lora_A.weight", [1, 4]), ReferencePart("q_proj.lora_B.weight", [2, 1])])
    let found = try call.run("evo_merging")
    let product = found.suffix(2).flatMap { b in found.prefix(4).map { b * $0 } }
    for (found, expected) in zip(product, [0.3, -0.09, 0.12, -0.12, -0.35, 0.105, -0.14, 0.14]) {
      #expect(abs(found - expected) < 1e-12)
    }
  }
}
