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

  // MARK: - Angles

  @Test func `Two opposite directions lie on a line, three that cancel have no mean`() throws {
    let x = Self.f.x
    let opposite = x.map { -2 * $0 }
    let two = Call(models: [x, opposite])
    #expect(try two.run("multislerp") == x.map { -0.5 * $0 })
    let three = Call(models: [x, x, opposite], perModel: ["weight": [1, 1, 2]])
    #expect(throws: MethodError.self) { try three.run("multislerp") }
    #expect(throws: MethodError.self) { try Call(models: [x, opposite]).run("karcher") }
  }

  @Test func `Weights of a spherical mean that sum to zero are an error, unless they stay as they are`() throws {
    var call = Call(models: [Self.f.x, Self.f.y], perModel: ["weight": [1, -1]])
    #expect(throws: MethodError.self) { try call.run("multislerp") }
    call.flags = ["normalize_weights": false]
    #expect(try call.run("multislerp").allSatisfy { $0.isFinite })
    #expect(throws: MethodError.self) { try call.run("karcher") }
  }

  @Test(arguments: [2, 3])
  func `Tensors of zeros have a mean of zeros`(count: Int) throws {
    let zeros = [Double](repeating: 0, count: 8)
    let call = Call(models: (0..<count).map { _ in zeros })
    for method in ["multislerp", "karcher"] { #expect(try call.run(method) == zeros) }
    let base = Call(base: Self.f.base, models: (0..<count).map { _ in Self.f.base })
    for method in ["multislerp", "model_stock"] { #expect(try base.run(method) == Self.f.base) }
  }

  @Test func `A tensor without direction counts for the length of a Karcher mean alone`() throws {
    let found = try Call(models: [Self.f.x, Self.f.x.map { _ in 0 }]).run("karcher")
    for (found, x) in zip(found, Self.f.x) { #expect(abs(found - x / 2) < 1e-12) }
  }

  @Test func `Angles that make the stock's share infinite are refused, or limited`() throws {
    var call = Call(base: [0, 0], models: [[1, 0], [-1, 0]])
    #expect(throws: MethodError.self) { try call.run("model_stock") }
    call.choices = ["t_clamp": "unit"]
    #expect(try call.run("model_stock") == [0, 0])
  }

  @Test func `A floor draws small deltas back to the base`() throws {
    let models = [[1e-4, 0, 0], [1e-4, 1e-5, 0]]
    var call = Call(base: [0, 0, 0], models: models)
    #expect(try call.run("model_stock")[0] > 0.9e-4)
    call.choices = ["floor": "mergekit"]
    #expect(try call.run("model_stock")[0] < 1e-5)
  }

  @Test func `A standard model that has not moved leaves the robust change whole`() throws {
    let call = Call(base: Self.f.m1, models: [Self.f.base, Self.f.base, Self.f.m2])
    #expect(try call.run("rws") == zip(Self.f.m1, zip(Self.f.m2, Self.f.base)).map { $0 + $1.0 - $1.1 })
  }

  @Test(arguments: ["layer.0.bn.weight", "layer.0.downsample.0.weight"])
  func `Norms take the mean of the robust models, or stay`(name: String) throws {
    var call = Call(base: Self.f.m1, models: [Self.f.base, Self.f.m1, Self.f.m2, Self.f.m3], name: name)
    #expect(try call.run("rws") == zip(Self.f.m2, Self.f.m3).map { ($0 + $1) / 2 })
    call.choices = ["bn_policy": "keep"]
    #expect(try call.run("rws") == Self.f.m1)
  }

  @Test func `Models weigh alike where one has not moved`() throws {
    let found = try Call(base: Self.f.base, models: [Self.f.base, Self.f.m1]).run("varm")
    #expect(found == zip(Self.f.base, Self.f.m1).map { ($0 + $1) / 2 })
  }

  // MARK: - Votes and masks

  @Test func `Energies of small deltas count, unless there is a floor`() throws {
    let base = [0.0, 0]
    var call = Call(base: base, models: [[3e-4, 0], [1e-4, 0]])
    #expect(try abs(call.run("sce")[0] - (0.9 * 3e-4 + 0.1 * 1e-4)) < 1e-12)
    call.numbers = ["energy_floor": 1e-6]
    #expect(try abs(call.run("sce")[0] - 2e-4) < 1e-12)
  }

  @Test func `A delta of exactly epsilon counts as none, alone or not`() throws {
    let call = Call(base: [0, 0, 0], models: [[0.25, 0.25, 0.5], [0, 1, 1]], numbers: ["epsilon": 0.25])
    #expect(try call.run("ram") == [0, 1, 0.75])
  }

  @Test func `Models that are the same share everything`() throws {
    let call = Call(base: Self.f.base, models: [Self.f.m1, Self.f.m1])
    #expect(try call.run("ram") == Self.f.m1)
    #expect(try call.run("ram_plus") == Self.f.m1)
  }

  @Test func `A task without a delta has no mask, and more tasks than there are agree on nothing`() throws {
    let numbers = ["tall_lambda": 0.0, "task": 0, "alpha": 1, "k": 3]
    let call = Call(base: Self.f.base, models: [Self.f.base, Self.f.base], numbers: numbers)
    #expect(try call.run("tall_mask") == Self.f.base)
    let two = Call(base: Self.f.base, models: [Self.f.m1, Self.f.m2], numbers: numbers)
    #expect(try two.run("consensus") == Self.f.base)
  }

  @Test func `A vote of zero is negative, and a task of nothing has the factor 0`() throws {
    #expect(try Call(base: [0], models: [[0.5], [-0.5]]).run("emr") == [-0.5])
    let call = Call(base: [1, 1], models: [[1, 1], [2, 2]], numbers: ["task": 0], choices: ["output": "task"])
    #expect(try call.run("emr") == [1, 1])
  }

  @Test(arguments: ["emr", "tall_mask"])
  func `A task that there is not is an error`(method: String) {
    let call = Call(
      base: [1], models: [[1], [2]], numbers: ["task": 2, "tall_lambda": 1], choices: ["output": "task"])
    #expect(throws: MethodError.self) { try call.run(method) }
  }

  // MARK: - Ranks and thresholds

  @Test(arguments: ["a", "b", "c"], ["model", "tensor"])
  func `Deltas that are all alike have no weight`(variant: String, scope: String) throws {
    let choices = ["variant": variant, "scope": scope]
    for delta in [0.0, 0.5] {
      let models = [Self.f.base.map { $0 + delta }, Self.f.base.map { $0 - delta }]
      #expect(try Call(base: Self.f.base, models: models, choices: choices).run("pcb") == Self.f.base)
    }
  }

  @Test func `A column of zeros has not turned`() throws {
    // The first column is zero in the base, the second in the model: neither is a number that is none.
    let call = Call(base: [0, 1, 0, 1], models: [[1, 0, 1, 0], [0, 1, 0, 2]], shape: [2, 2])
    #expect(try call.run("widen").allSatisfy(\.isFinite))
  }

  @Test func `A count that ends in a half is rounded to even, and one element is kept at least`() throws {
    let delta = [6.0, -5, 4, -3, 2, -1]
    for (density, kept) in [(0.25, 2), (0.75, 4), (0.01, 1), (0.5, 3)] {
      let call = Call(models: [delta], numbers: ["density": density])
      #expect(try call.run("evo_merging") == delta.enumerated().map { $0.offset < kept ? $0.element : 0 })
    }
    let ties = Call(models: [[2, -2, 2, 1, 0, 0]], numbers: ["density": 0.2])
    #expect(try ties.run("evo_merging") == [2, -2, 2, 0, 0, 0])
  }

  @Test(arguments: ["ties_sv", "lwptv"])
  func `A reconstruction must be asked for`(method: String) {
    let call = Call(
      base: Self.f.base, models: Self.f.models,
      numbers: ["eta": 0.5, "protected": 0, "slack": 0.5, "protect_fraction": 0.5], choices: ["score": "magnitude"])
    #expect(throws: MethodError.self) { try call.run(method) }
  }

  @Test func `Without slack the reconstruction is TIES`() throws {
    var call = Call(base: Self.f.base, models: Self.f.models, numbers: ["density": 0.5])
    let plain = try call.run("ties")
    call.numbers.merge(["protected": 1, "slack": 0, "protect_fraction": 1]) { $1 }
    call.flags = ["experimental": true]
    #expect(try call.run("ties_sv") == plain)
  }

  @Test func `A layer whose base is zero is never dropped, and of equal layers the lower goes first`() throws {
    let base = [0.0, 0, 1, 1, 1, 1]
    let model = [0.5, 0.5, 1.25, 1, 1.25, 1]
    let parts = (0..<3).map { ReferencePart("layers.\($0).w", [2]) }
    let call = Call(
      base: base, models: [model], numbers: ["eta": 0.4], flags: ["experimental": true],
      choices: ["score": "relative"], parts: parts)
    #expect(try call.run("lwptv") == [0.5, 0.5, 1, 1, 1.25, 1])
  }
}
