import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// What methods that prune by rank, by outliers or by a mask do at their edges.
@Suite struct OutlierEdgeTests {
  private static let f = FixtureF.self

  // MARK: - DELLA

  @Test(arguments: [(0.9, 0.15), (0.85, 0.15), (0.1, 0.15), (0.15, 0.15), (0.5, 0.5)], ["della", "della_linear"])
  func `Probabilities outside the open interval are an error`(pair: (density: Double, epsilon: Double), method: String)
  {
    let call = Call(
      base: Self.f.base, models: Self.f.models, numbers: ["density": pair.density, "epsilon": pair.epsilon])
    let error = #expect(throws: MethodError.self) { try call.run(method) }
    #expect(error?.description.contains("epsilon") == true)
  }

  @Test(arguments: ["della", "della_linear"])
  func `Nothing is dropped at density 1 whatever the reach, and all at 0`(method: String) throws {
    var call = Call(base: Self.f.base, models: [Self.f.m1], numbers: ["density": 1, "epsilon": 0.9])
    #expect(try call.run(method) == Self.f.m1)
    call.numbers["density"] = 0
    #expect(try call.run(method) == Self.f.base)
  }

  @Test func `A lone element of a row is kept with the density`() throws {
    let count = 400
    let call = Call(
      models: [[Double](repeating: 1, count: count)], shape: [count, 1],
      numbers: ["density": 0.5, "epsilon": 0.4, "seed": 5])
    let mask = ReferenceMask(seed: 5, name: "w", model: 0)
    #expect(try call.run("della_linear") == (0..<count).map { mask.number($0) < 0.5 ? 2 : 0 })
  }

  @Test func `Probabilities rise with the rank in a vector and in rows`() throws {
    // With rescaling by 1/p, and nothing dropped by the mask where u is low, the factor shows p.
    let expected: [[Double]] = [
      [0.564286, 0.435714, 0.35, 0.521429, 0.478571, 0.392857, 0.65, 0.607143],
      [0.65, 0.45, 0.35, 0.55, 0.45, 0.35, 0.65, 0.55],
    ]
    let delta = zip(Self.f.m1, Self.f.base).map { $0 - $1 }
    for (shape, expected) in zip([[8], [2, 4]], expected) {
      for seed in 0..<20 {
        let call = Call(models: [delta], shape: shape, numbers: ["density": 0.5, "seed": Double(seed)])
        for (found, (delta, p)) in zip(try call.run("della_linear"), zip(delta, expected)) where found != 0 {
          #expect(abs(delta / found - p) < 1e-6)
        }
      }
    }
  }

  @Test func `Of a stack of matrices ranks run along the second axis`() throws {
    let shape = [2, 3, 2]
    let delta: [Double] = [1, 6, 2, 5, 3, 4, -6, 1, -5, 2, -4, 3]
    let mask = ReferenceMask(seed: 0, name: "w", model: 0)
    let ranks: [Double] = [0, 2, 1, 1, 2, 0, 2, 0, 1, 1, 0, 2]
    let call = Call(models: [delta], shape: shape, numbers: ["density": 0.5, "epsilon": 0.4])
    let expected = delta.indices.map { i in
      let p = 0.1 + 0.4 * ranks[i]
      return mask.number(i) < p ? delta[i] / p : 0
    }
    for (found, expected) in zip(try call.run("della_linear"), expected) { #expect(abs(found - expected) < 1e-12) }
  }

  // MARK: - Breadcrumbs

  @Test func `Of a vector in which gamma removes nothing the tool keeps nothing`() throws {
    let delta = (1...50).map(Double.init)
    var call = Call(models: [delta], numbers: ["density": 0.5])
    #expect(try call.run("breadcrumbs") == delta.map { $0 > 25 ? $0 : 0 })
    call.choices = ["variant": "mergekit_verbatim"]
    #expect(try call.run("breadcrumbs") == delta.map { _ in 0 })
  }

  @Test func `Of equal elements the last are outliers and the first are tail`() throws {
    let call = Call(models: [[1, -1, 1, -1, 1, -1]], numbers: ["density": 0.34, "gamma": 0.34])
    #expect(try call.run("breadcrumbs") == [0, 0, 1, -1, 0, 0].map { $0 })
  }

  @Test func `Rows too short for a share of them lose everything in the authors' way`() throws {
    let call = Call(
      models: [Self.f.m1], shape: [1, 1, 4, 2], numbers: ["density": 0.15, "gamma": 0.006],
      choices: ["variant": "original"])
    #expect(try call.run("breadcrumbs") == Self.f.m1.map { _ in 0 })
  }

  @Test func `A mask rate above what is dropped is an error`() {
    let call = Call(
      models: [Self.f.m1], numbers: ["density": 0.5, "mask_rate": 0.8], choices: ["variant": "mergellm"])
    #expect(throws: MethodError.self) { try call.run("breadcrumbs") }
  }

  // MARK: - Arcee Fusion

  @Test func `Scores that are all alike take everything`() throws {
    let call = Call(base: [0, 1, 2, 3], models: [[1, 2, 3, 4]], shape: [2, 2])
    #expect(try call.run("arcee_fusion") == [1, 2, 3, 4])
    #expect(try Call(base: [2], models: [[3]], shape: []).run("arcee_fusion") == [3])
  }

  // MARK: - Sparse soups

  @Test func `Models that were pruned alike stay so, with plain zeros`() throws {
    let models: [[Double]] = [[1, 0, -2, -0.0], [3, -0.0, 4, 0]]
    let found = try Call(models: models).run("sparse_soup")
    #expect(found == [2, 0, 1, 0])
    #expect(found.allSatisfy { $0.sign == .plus })
  }

  @Test func `Masks that differ are an error that counts where`() {
    let call = Call(models: [[1, 0, 2, 3], [1, 0, 2, 3], [0, 1, 2, 3]])
    let error = #expect(throws: MethodError.self) { try call.run("sparse_soup") }
    #expect(error?.description.hasPrefix("model 3 is not pruned") == true)
    #expect(error?.description.contains("2 elements") == true)
  }

  @Test func `A mask may have elements that are zero by chance, and none beyond it`() throws {
    var call = Call(models: [[1, 0, 2, 3], [0, 0, 2, 3]], sides: ["mask": [[1, 0, 1, 1]]])
    #expect(try call.run("sparse_soup") == [0.5, 0, 2, 3])
    call.models[1][1] = 1
    #expect(throws: MethodError.self) { try call.run("sparse_soup") }
  }

  @Test func `A policy that needs a mask must have one, and weights a sum`() {
    #expect(throws: MethodError.self) {
      try Call(models: [[1], [2]], choices: ["mask_policy": "from_file"]).run("sparse_soup")
    }
    #expect(throws: MethodError.self) {
      try Call(models: [[1], [2]], perModel: ["weight": [1, -1]]).run("sparse_soup")
    }
  }
}
