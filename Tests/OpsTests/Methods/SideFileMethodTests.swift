import TestSupport
import Testing

@testable import WeirOps

/// What methods that read files beside the models do at their edges.
@Suite struct SideFileMethodTests {
  private static let f = FixtureF.self

  @Test func `Where nobody has information all weigh alike, if none is favoured`() throws {
    let zeros = [Double](repeating: 0, count: 8)
    var call = Call(models: [Self.f.m1, Self.f.m2], perModel: ["weight": [3, 1]], flags: ["favor_target": false])
    call.sides = ["fisher": [zeros, zeros]]
    let found = try call.run("fisher")
    for place in 0..<8 { #expect(abs(found[place] - (0.75 * Self.f.m1[place] + 0.25 * Self.f.m2[place])) < 1e-12) }
    call.flags = [:]
    #expect(try call.run("fisher") == Self.f.m1)
  }

  @Test func `Information that is too little for the floor leaves the first model, not a number that is none`() throws {
    var call = Call(models: [[1], [2]], numbers: ["fisher_floor": 0])
    call.sides = ["fisher": [[0], [0]]]
    for variant in ["matena", "mergelm"] {
      call.choices = ["variant": variant]
      #expect(try call.run("fisher") == [1])
    }
  }

  @Test func `Information counts by its length over all tensors`() throws {
    // Four times the information everywhere is the same information.
    var call = Call(models: [[1, 1, 1], [2, 2, 2]], parts: [ReferencePart("a", [1]), ReferencePart("b", [2])])
    call.sides = ["fisher": [[4, 8, 4], [1, 2, 1]]]
    for found in try call.run("fisher") { #expect(abs(found - 1.5) < 1e-12) }
    call.flags = ["normalize": false]
    for found in try call.run("fisher") { #expect(abs(found - 1.2) < 1e-12) }
  }

  @Test func `Several numbers need groups, and columns as many numbers`() {
    var call = Call(base: Self.f.base, models: [Self.f.m1], shape: [2, 4], coefficients: [["w": [1, 2, 3]]])
    #expect(throws: MethodError.self) { try call.run("atlas") }
    call.base = nil
    #expect(throws: MethodError.self) { try call.run("dam") }
  }

  @Test func `An element without a group takes what is missing`() throws {
    var call = Call(base: [0, 0, 0], models: [[1, 1, 1]], coefficients: [["w": [0.5, 0.25]]])
    call.sides = ["groups": [[0, 1, 7]]]
    #expect(try call.run("atlas") == [0.5, 0.25, 0])
    call.numbers = ["missing": 2]
    #expect(try call.run("atlas") == [0.5, 0.25, 2])
  }

  @Test func `A vector's coefficients go by its elements, a bias takes one`() throws {
    let call = Call(
      models: [[1, 2, 3, 4]], coefficients: [["norm": [1, 2, 3], "bias": [0.5]]],
      parts: [ReferencePart("norm", [3]), ReferencePart("bias", [1])])
    #expect(try call.run("dam") == [1, 4, 9, 2])
  }
}
