import TestSupport

extension MethodVectors {
  static let masks: [Vector] = sce + ram + tall + emr

  private static let sce = [
    Vector(
      "sce", "all elements", all3,
      [1.365506, -1.657887, 0, 3.269265, -0.426225, -0.634889, 2.817247, -1.125]),
    Vector(
      "sce", "half of them", with(all3) { $0.numbers = ["select_topk": 0.5] },
      [1.379848, -2, 0, 3, 0, -1, 2.810076, -1.125]),
    Vector(
      "sce", "half of them, of the authors",
      with(all3) {
        $0.numbers = ["select_topk": 0.5]
        $0.choices = ["variant": "fuseai"]
      }, [1.379848, -1.659755, 0, 3.274342, -0.417763, -0.667159, 2.810076, -1.125]),
  ]

  private static let sparse = Call(
    base: f.base,
    models: [
      [0.5, 0, 0, 0.375, 0, 0, 0.75, -0.625], [0, 0, -0.5, 0, 0, 0.625, 0.875, 0],
      [0, 0, 0.4375, 0, -0.5625, 0, -1, 0],
    ].map { zip(f.base, $0).map { $0 + $1 } })

  private static let ram = [
    Vector("ram", "sparse deltas", sparse, [1.5, -2, 0.46875, 3.375, -0.5625, -0.375, 2.208333, -1.125]),
    Vector("ram_plus", "sparse deltas", sparse, [1.51, -2, 0.46875, 3.3825, -0.57375, -0.3625, 2.208333, -1.1375]),
  ]

  private static let tall = [
    Vector(
      "tall_mask", "first task", with(all3) { $0.numbers = ["tall_lambda": 0.4, "task": 0] },
      [1.375, -2, 0.5, 3.4375, -0.8125, -1, 2.625, -0.6875]),
    Vector(
      "consensus", "λ .4", with(all3) { $0.numbers = ["tall_lambda": 0.4, "alpha": 0.4] },
      [1.15, -1.775, 0.475, 3.175, -0.325, -1, 2.25, -0.575]),
    Vector(
      "consensus", "λ 1", with(all3) { $0.numbers = ["tall_lambda": 1, "alpha": 0.4] },
      [1.15, -1.775, 0.5, 3, 0, -1, 2.25, -0.5]),
  ]

  private static let tensors = [ReferencePart("a", [2]), ReferencePart("b", [6])]
  private static let unified = [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.875, -0.625]

  /// A task's output by its mask and its factor.
  private static func restored(_ mask: [Double], _ factor: Double) -> [Double] {
    zip(unified, mask).map { factor * $0 * $1 }
  }

  private static func task(_ number: Int, _ rule: String) -> Call {
    with(all3) {
      $0.parts = tensors
      $0.numbers = ["task": Double(number)]
      $0.choices = ["output": "task", "rescale_rule": rule]
    }
  }

  private static let emr = [
    Vector("emr", "unified", all3, delta: unified),
    Vector(
      "emr", "first task", task(0, "tensor_means"),
      [1.431507, -2, 0.5, 3.32363, -0.485445, -0.460616, 2.755137, -1.039384]),
    Vector(
      "emr", "second task", task(1, "tensor_means"), delta: restored([1, 1, 1, 0, 0, 1, 1, 0], 0.905405)),
    Vector(
      "emr", "third task", task(2, "tensor_means"), delta: restored([0, 1, 0, 1, 1, 0, 0, 0], 2.181818)),
    Vector("emr", "first task, flat", task(0, "flat"), delta: restored([1, 0, 0, 1, 1, 1, 1, 1], 0.754386)),
    Vector("emr", "second task, flat", task(1, "flat"), delta: restored([1, 1, 1, 0, 0, 1, 1, 0], 1.021739)),
    Vector("emr", "third task, flat", task(2, "flat"), delta: restored([0, 1, 0, 1, 1, 0, 0, 0], 2.380952)),
  ]
}
