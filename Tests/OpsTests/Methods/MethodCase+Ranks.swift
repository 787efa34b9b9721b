extension MethodCase {
  static let ranked: [MethodCase] = balanced + widened + pruned

  private static let balanced: [MethodCase] = {
    var cases: [MethodCase] = []
    for variant in ["a", "b", "c"] {
      for scope in ["model", "tensor"] {
        cases.append(
          MethodCase("pcb", "\(variant), scope \(scope)") {
            $0.numbers = ["ratio": 0.4, "lambda": 1.2]
            $0.choices = ["variant": variant, "scope": scope]
            if variant == "b" { $0.perModel = ["weight": [1, 0.5, 1.3]] }
          })
      }
    }
    return cases
  }()

  private static let widened: [MethodCase] = [
    MethodCase("widen", "three") { _ in },
    MethodCase("widen", "scores above the average") {
      $0.numbers = ["above_average_value_ratio": 1.5, "score_calibration_value": 0.75]
    },
    MethodCase("widen", "five", models: 5) { _ in },
  ]

  private static let pruned: [MethodCase] = [
    MethodCase("hi_merging", "fractions and scales") {
      $0.perModel = ["density": [0.5, 0, 0.3], "scale": [0.9, 1, -0.5], "weight": [1, 1, 2]]
    },
    MethodCase("evo_merging", "fractions and factors") {
      $0.perModel = ["density": [0.5, 0.75, 0.01], "scale": [0.8, -0.4, 1.5]]
    },
    MethodCase("evo_merging", "of factors that are not pruned", base: false) {
      $0.perModel = ["density": [0.5, 0.75, 0], "scale": [0.8, -0.4, 1.5]]
      $0.choices = ["form": "lora"]
    },
    MethodCase("ties_sv", "slack") {
      $0.numbers = ["density": 0.6, "protected": 2, "slack": 0.5, "protect_fraction": 0.3]
      $0.flags = ["experimental": true]
    },
    MethodCase("ties_sv", "no slack, weights, not normalised") {
      $0.numbers = ["density": 0.6, "protected": 0, "slack": 0, "protect_fraction": 0.3, "lambda": 0.5]
      $0.flags = ["experimental": true, "normalize": false]
      $0.perModel = ["weight": [1, -0.5, 2]]
    },
    MethodCase("lwptv", "relative") {
      $0.numbers = ["eta": 0.4, "lambda": 0.4]
      $0.choices = ["score": "relative"]
      $0.flags = ["experimental": true]
    },
    MethodCase("lwptv", "magnitude") {
      $0.numbers = ["eta": 0.7]
      $0.choices = ["score": "magnitude"]
      $0.flags = ["experimental": true]
      $0.perModel = ["weight": [1, -0.5, 2]]
    },
    MethodCase("lwptv", "deviation") {
      $0.numbers = ["eta": 0.4]
      $0.choices = ["score": "deviation"]
      $0.flags = ["experimental": true]
    },
  ]
}
