import TestSupport

extension MethodVectors {
  static let ranked: [Vector] = balanced + widened + pruned

  private static func balanced(_ variant: String) -> Call {
    with(all3) {
      $0.numbers = ["ratio": 0.5]
      $0.choices = ["variant": variant, "scope": "tensor"]
    }
  }

  private static let balanced = [
    Vector("pcb", "for language", balanced("a"), [1.5, -1.659783, 0.5, 3.1875, -0.5625, -0.375, 2.625, -1.125]),
    Vector(
      "pcb", "for vision", balanced("b"),
      delta: [0.5, 0.344257, 0, 0.1875, -0.5625, 0.625, 0.625, -0.625]),
    Vector(
      "pcb", "for vision, evolved", balanced("c"),
      delta: [0.5, 0.348287, 0, 0.274823, -0.5625, 0.625, 0.625, 0]),
  ]

  private static let pair = Call(base: f.base, models: [f.m1, f.m2])

  private static let widened = [
    Vector(
      "widen", "columns", with(pair) { $0.shape = [2, 4] },
      [1.594831, -1.672193, 0, 3.23818, -0.25, -0.351404, 3.391578, -0.906088]),
    Vector(
      "widen", "a vector", pair,
      [1.609456, -1.679728, 0, 3.320272, -0.140544, -0.352314, 3.625, -1.051437]),
  ]

  private static func factors(_ name: String, _ models: [[Double]]) -> Call {
    Call(
      models: models, perModel: ["density": [0.5, 0.75], "scale": [0.8, -0.4]], choices: ["form": "lora"], name: name)
  }

  private static let pruned = [
    Vector(
      "hi_merging", "half of each",
      with(pair) { $0.numbers = ["density": 0.5, "scale": 0.9] },
      [1.45, -1.6625, 0.05, 3.3375, 0, -0.4375, 2.73125, -1.0625]),
    Vector(
      "evo_merging", "deltas", with(pair) { $0.perModel = ["density": [0.5, 0.75], "scale": [0.8, -0.4]] },
      [1.3, -2.15, 0.7, 3.3, 0, -1.25, 2.25, -1.075]),
    Vector(
      "evo_merging", "factors A", factors("lora_A.weight", [[0.5, -0.125, 0.25, 0], [-0.25, 0.375, 0.125, 0.5]]),
      [0.5, -0.15, 0.2, -0.2]),
    Vector("evo_merging", "factors B", factors("lora_B.weight", [[1, -0.5], [0.5, 0.75]]), [0.6, -0.7]),
    Vector(
      "ties_sv", "half a share",
      with(all3) {
        $0.numbers = ["density": 0.5, "protected": 2, "protect_fraction": 0.25, "slack": 0.5]
        $0.flags = ["experimental": true]
      }, delta: [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.45, -0.625]),
    Vector(
      "lwptv", "half of the layers",
      with(all3) {
        $0.numbers = ["eta": 0.5, "lambda": 0.4]
        $0.choices = ["score": "relative"]
        $0.flags = ["experimental": true]
        $0.parts = [ReferencePart("layers.0.w", [4]), ReferencePart("layers.1.w", [4])]
      }, [1, -2, 0.5, 3, -0.325, -0.725, 2.25, -0.575]),
  ]
}
