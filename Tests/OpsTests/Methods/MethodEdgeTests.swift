import TestSupport
import Testing

@testable import WeirOps

/// What methods do at their edges, one test a sentence of their text.
@Suite struct MethodEdgeTests {
  private static let f = FixtureF.self

  @Test(arguments: [(1, 3, 0, 1), (2, 2, 1, 0), (0, 5, 0, 0), (3, 2, 0, 0)])
  func `Layers that are taken twice are an error`(zones: (bottom: Int, top: Int, low: Int, high: Int)) {
    let numbers = [
      "bottom": zones.bottom, "top": zones.top, "transition_bottom": zones.low, "transition_top": zones.high,
    ]
    let call = Call(
      models: [Self.f.m1, Self.f.m2], numbers: numbers.mapValues { Double($0) }, choices: ["outside": "a"],
      parts: (0..<4).map { ReferencePart("layers.\($0).w", [2]) })
    #expect(throws: MethodError.self) { try call.run("layer_swap") }
  }

  @Test func `Layers of one expert alone are copied as they stand`() throws {
    let call = Call(
      models: [Self.f.m1, Self.f.m2],
      numbers: ["bottom": 1, "top": 1, "transition_bottom": 0, "transition_top": 0], choices: ["outside": "b"],
      parts: (0..<4).map { ReferencePart("layers.\($0).w", [2]) })
    #expect(try call.run("layer_swap") == [1.5, -2.125, 0, 2.875, 0, -0.375, 2.75, -1.125])
  }

  @Test func `A chat model without its base is an error`() {
    let call = Call(base: Self.f.base, models: Self.f.models)
    #expect(throws: MethodError.self) { try call.run("chat_vector") }
  }

  @Test func `An element within reach becomes the model's own`() throws {
    let (base, model) = ([1.0, 1, 1], [1.0000003, 0.1, 3])
    let found = try Call(base: base, models: [model], numbers: ["t": 0.95]).run("nearswap", double: false)
    #expect(found.prefix(2).map { Float($0) } == [1.0000003, 0.1])
  }

  @Test func `Deltas of nothing leave the base`() throws {
    let models = [Self.f.base, Self.f.base]
    #expect(try Call(base: Self.f.base, models: models).run("magmax") == Self.f.base)
  }
}
