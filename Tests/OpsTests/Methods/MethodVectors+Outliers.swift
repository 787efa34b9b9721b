import TestSupport

extension MethodVectors {
  static let outliers: [Vector] = della + breadcrumbs + fusion + pruned

  private static func kept(_ normalize: Bool? = nil, _ change: (inout Call) -> Void = { _ in }) -> Call {
    with(all3) {
      $0.numbers = ["density": 0.5, "seed": 42]
      if let normalize { $0.flags = ["normalize": normalize] }
      change(&$0)
    }
  }

  private static let della = [
    Vector(
      "della", "1/p", kept(), [1.704232, -1.347015, 1.275316, 3.598225, -0.724429, -0.840909, 3.25, 0.07377]),
    Vector(
      "della", "L1", kept { $0.choices = ["rescale_rule": "l1"] },
      [1.640524, -1.644886, 0.997159, 3.366615, -0.492989, -0.913306, 3.548286, -0.215909]),
    Vector(
      "della_linear", "1/p, λ .5", kept { $0.numbers["lambda"] = 0.5 },
      [1.704232, -1.673507, 0.887658, 3.439134, -0.724429, -0.920455, 2.480769, -0.213115]),
  ]

  private static func band(_ method: String, _ density: Double, _ gamma: Double, _ change: (inout Call) -> Void) -> Call
  {
    with(Call(base: f.base, models: [f.m1], numbers: ["density": density, "gamma": gamma]), change)
  }

  private static let breadcrumbs = [
    Vector(
      "breadcrumbs", "a quarter of outliers", band("breadcrumbs", 0.5, 0.25) { _ in },
      delta: [0.5, -0.125, 0, 0.375, -0.25, 0, 0, 0]),
    Vector(
      "breadcrumbs", "no outlier", band("breadcrumbs", 0.5, 0.1) { _ in },
      delta: [0.5, 0, 0, 0.375, 0, 0, 0.75, -0.625]),
    Vector(
      "breadcrumbs", "no outlier, as the tool has it",
      band("breadcrumbs", 0.5, 0.1) { $0.choices = ["variant": "mergekit_verbatim"] },
      delta: [0, 0, 0, 0, 0, 0, 0, 0]),
    Vector(
      "breadcrumbs", "more outliers than are dropped", band("breadcrumbs", 0.25, 0.9) { _ in },
      delta: [0, 0, 0, 0, 0, 0.0625, 0, 0]),
    Vector(
      "breadcrumbs", "the authors', a vector", band("breadcrumbs", 0.5, 0.25) { $0.choices = ["variant": "original"] },
      delta: [0.5, -0.125, 0, 0.375, -0.25, 0, 0, 0]),
    Vector(
      "breadcrumbs", "the authors', rows",
      band("breadcrumbs", 0.5, 0.25) {
        $0.choices = ["variant": "original"]
        $0.shape = [2, 4]
      }, delta: [0, -0.125, 0, 0.375, -0.25, 0, 0, -0.625]),
    Vector(
      "breadcrumbs", "three", with(all3) { $0.numbers = ["density": 0.5, "gamma": 0.25, "lambda": 0.4] },
      [1.15, -1.775, 0.475, 3.15, -0.1, -1, 2, -0.325]),
    Vector(
      "breadcrumbs_ties", "three", with(all3) { $0.numbers = ["density": 0.5, "gamma": 0.25, "lambda": 0.4] },
      [1.3, -1.725, 0.3, 3.15, -0.1, -1, 2, -0.325]),
  ]

  private static let fusion = [
    Vector(
      "arcee_fusion", "rows", Call(base: f.base, models: [f.m1], shape: [2, 4]),
      [1, -2, 0.5, 3, 0, -1, 2.75, -1.125]),
    Vector("arcee_fusion", "a vector: nothing stands out", Call(base: f.base, models: [f.m1]), f.base),
  ]

  private static let soupMask: [Double] = [1, 0, 1, 1, 0, 1, 1, 0]
  private static let soup: [Double] = [1.125, 0, 0.479167, 3.145833, 0, -0.770833, 2.208333, 0]
  /// The fixture's models, pruned; an element of the second that is 0 by chance is none of the mask's.
  private static let prunedModels = f.models.map { zip($0, soupMask).map { $0 * $1 } }

  private static let pruned = [
    Vector(
      "sparse_soup", "a mask",
      Call(models: f.models, choices: ["mask_policy": "from_file"], sides: ["mask": [soupMask]]), soup),
    Vector(
      "sparse_soup", "of any", Call(models: prunedModels, choices: ["mask_policy": "union"]), soup),
  ]
}
