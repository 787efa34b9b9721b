import TestSupport
import Testing

@testable import WeirOps

@Suite struct ModelSelectionTests {
  @Test(arguments: [
    Cut(), Cut(tile: 999, unitsPerClaim: 1, reversesClaims: true), Cut(samplesFrom: 1),
    Cut(tile: 999, unitsPerClaim: 1, reversesClaims: true, samplesFrom: 1),
  ])
  func `Cuts of several models in different chunks of one tensor are each found in their own`(cut: Cut) throws {
    var random = SplitMix64(seed: 5)
    // Few magnitudes, so that every cut lies among thousands of ties.
    func model() -> [Double] { (0..<200_000).map { _ in Double(random.int(-6..<7)) / 64 } }
    var call = Call(base: Array(repeating: 0, count: 200_000), models: [model(), model(), model()])
    call.perModel = ["density": [0.3, 0.9, 0.55]]
    call.choices = ["rule": "exact_k", "scope": "tensor"]
    let expected = try call.run("ties", cut: cut, double: false)
    call.choices["scope"] = "model"
    #expect(try call.run("ties", cut: cut, double: false) == expected)
  }
}
