import TestSupport

extension MethodVectors {
  static let beside: [Vector] = certain + learnt

  private static func fisher(_ change: (inout Call) -> Void) -> Call {
    with(Call(models: [f.m1, f.m2])) {
      $0.sides = ["fisher": [[4, 1, 0, 1e-8, 2, 0.5, 0, 3], [1, 1, 0, 2, 0, 0.5, 1e-9, 1]]]
      $0.perModel = ["weight": [0.5, 0.5]]
      change(&$0)
    }
  }

  private static let certain = [
    Vector(
      "fisher", "the first model where none knows better", fisher { _ in },
      [1.41549, -1.789331, 0.5, 2.875, -0.25, -0.559872, 2.750255, -0.795877]),
    Vector(
      "fisher", "all alike", fisher { $0.flags = ["favor_target": false] },
      [1.41549, -1.789331, 0.164331, 2.875, -0.25, -0.559872, 2.833917, -0.795877]),
    Vector(
      "fisher", "MergeLM's", fisher { $0.choices = ["variant": "mergelm"] },
      [1.41549, -1.789331, 0.164331, 2.875, -0.25, -0.559872, 2.833945, -0.795877]),
  ]

  private static let halves = [ReferencePart("a", [4]), ReferencePart("b", [4])]
  private static let combined = [1.2, -2.1375, 0.6, 3.2125, -0.025, -0.43125, 2.8625, -0.39375]

  private static let learnt = [
    Vector(
      "atlas", "a number for each tensor",
      Call(
        base: f.base, models: [f.m1, f.m2],
        coefficients: [["a": [0.5], "b": [0.1]], ["a": [-0.2], "b": [0.9]]], parts: halves), combined),
    Vector(
      "atlas", "a number for each group, of which the tensors are two",
      Call(
        base: f.base, models: [f.m1, f.m2], sides: ["groups": [[0, 0, 0, 0, 1, 1, 1, 1]]],
        coefficients: [["w": [0.5, 0.1]], ["w": [-0.2, 0.9]]]), combined),
    Vector(
      "dam", "a number for each column",
      Call(
        models: [f.m1, f.m2], shape: [2, 4], coefficients: [["w": [1, 0, 0.5, -1]], ["w": [0, 1, 0.5, 2]]]),
      [f.m1[0], f.m2[1], 0.25, 2 * f.m2[3] - f.m1[3], f.m1[4], f.m2[5], 2.8125, 2 * f.m2[7] - f.m1[7]]),
  ]
}
