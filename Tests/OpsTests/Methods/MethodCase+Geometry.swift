extension MethodCase {
  static let geometry: [MethodCase] = spherical + stock + varm + signatures

  private static let spherical: [MethodCase] = [
    MethodCase("multislerp", "weights", base: false) { $0.perModel = ["weight": [1, 2, 0.5]] },
    MethodCase("multislerp", "on deltas, as weighted") {
      $0.perModel = ["weight": [1, 2, 0.5]]
      $0.flags = ["normalize_weights": false]
    },
    MethodCase("multislerp", "two", models: 2, base: false) { _ in },
    MethodCase("multislerp", "one", models: 1, base: false) { $0.perModel = ["weight": [3]] },
    MethodCase("karcher", "three", base: false) { _ in },
    MethodCase("karcher", "weights, two steps", base: false) {
      $0.perModel = ["weight": [1, 3, 2]]
      $0.numbers = ["max_iter": 2, "tol": 1e-9]
    },
    MethodCase("karcher", "one", models: 1, base: false) { _ in },
  ]

  private static let stock: [MethodCase] = [
    MethodCase("model_stock", "two", models: 2) { $0.choices = ["t_clamp": "unit"] },
    MethodCase("model_stock", "three, by angles, limited") {
      $0.choices = ["angle_mean": "angle", "t_clamp": "unit"]
    },
    MethodCase("model_stock", "rows, limited, with a floor", models: 2) {
      $0.flags = ["filter_wise": true]
      $0.choices = ["t_clamp": "unit", "floor": "mergekit"]
    },
  ]

  private static let varm: [MethodCase] = {
    var cases: [MethodCase] = []
    for granularity in ["param", "module", "layer", "model", "item"] {
      for statistic in ["square", "abs", "signed"] {
        cases.append(
          MethodCase("varm", "\(granularity), \(statistic)") {
            $0.choices = ["granularity": granularity, "statistic": statistic]
          })
      }
    }
    cases.append(
      MethodCase("varm", "softmax") {
        $0.flags = ["use_softmax": true]
        $0.numbers = ["temp": 0.5]
      })
    return cases
  }()

  private static let signatures: [MethodCase] = [
    MethodCase("rws", "one robust model") { $0.numbers = ["alpha": 0.5] },
    MethodCase("rws", "two, squared", models: 4) { $0.flags = ["compat_square": true] },
  ]
}
