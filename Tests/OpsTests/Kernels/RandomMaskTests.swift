import TestSupport
import Testing

@testable import WeirOps

@Suite struct RandomMaskTests {
  @Test func `The generator gives the numbers of its definition`() {
    #expect(RandomMask.hash("w") == 0xAF63_EA4C_8602_0456)
    #expect(RandomMask.tensorKey(seed: 42, tensor: "w") == 0x989B_3DCB_4D12_5F67)
    #expect(ReferenceMask(seed: 42, name: "w", model: 0).key1 == 0x989B_3DCB_4D12_5F67)
    #expect(ReferenceMask(seed: 42, name: "w", model: 0).bits(0) == 0x018C_C639_5A44_60B3)
  }

  @Test(arguments: [
    (0, [0.006054, 0.476837, 0.988567, 0.383825, 0.080626, 0.10431, 0.522059, 0.640638]),
    (1, [0.355735, 0.890166, 0.745586, 0.113822, 0.37042, 0.943974, 0.527784, 0.777889]),
    (2, [0.843043, 0.014309, 0.249908, 0.055281, 0.408905, 0.375891, 0.596691, 0.183515]),
  ])
  func `Each model has the uniform numbers of the definition`(model: Int, numbers: [Double]) {
    let reference = ReferenceMask(seed: 42, name: "w", model: model)
    for (element, number) in numbers.enumerated() {
      #expect(abs(reference.number(element) - number) < 5e-7)
      // Kept where u < density: a hair below the number drops it, a hair above keeps it.
      for (density, isKept) in [(reference.number(element), false), (reference.number(element).nextUp, true)] {
        let mask = RandomMask(seed: 42, tensor: "w", model: model, density: density)
        var (tile, source): ([Float], [Float]) = ([0], [3])
        Float.drop(&tile, &source, mask, element, 1)
        #expect((tile[0] == 3) == isKept)
      }
    }
  }

  @Test(arguments: [(0.0, 0), (1.0, 4096), (-1.0, 0), (2.0, 4096)])
  func `Nothing and everything are exact`(density: Double, kept: Int) {
    let mask = RandomMask(seed: 1, tensor: "t", model: 0, density: density)
    var tile = [Float](repeating: 0, count: 4096)
    var source = [Float](repeating: 1, count: 4096)
    Float.drop(&tile, &source, mask, 0, 4096)
    #expect(tile.count { $0 != 0 } == kept)
  }

  @Test func `Masks of other seeds, names and models are others`() {
    let masks = [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (1, "", 0)].map { seed, name, model in
      RandomMask(seed: seed, tensor: name, model: model, density: 0.5)
    }
    #expect(Set(masks.map(\.key)).count == masks.count)
  }
}
