import TestSupport

extension MethodCase {
  static let outliers: [MethodCase] = dropped + band + fused + pruned

  private static func della(_ title: String, _ change: (inout MethodCase) -> Void) -> MethodCase {
    MethodCase("della", title) {
      $0.numbers = ["density": 0.5, "seed": 11]
      change(&$0)
    }
  }

  private static let dropped: [MethodCase] = [
    della("1/p") { _ in },
    della("L1, as it is") {
      $0.choices = ["rescale_rule": "l1"]
      $0.flags = ["normalize": false]
    },
    della("not rescaled, densities and reaches") {
      $0.flags = ["rescale": false]
      $0.perModel = ["density": [0.25, 1, 0], "epsilon": [0.2, 0.9, 0.9], "weight": [1, 0.5, 0.25]]
    },
    della("ranks of the whole tensor") { $0.choices = ["scope": "tensor"] },
    della("ranks of the whole tensor, L1") { $0.choices = ["scope": "tensor", "rescale_rule": "l1"] },
    della("by magnitude") { $0.choices = ["by": "magnitude"] },
    della("by magnitude in the whole tensor") { $0.choices = ["by": "magnitude", "scope": "tensor"] },
    MethodCase("della_linear", "1/p, λ") { $0.numbers = ["density": 0.3, "epsilon": 0.25, "seed": 3, "lambda": 0.5] },
    MethodCase("della_linear", "one model, normalised", models: 1) {
      $0.numbers = ["density": 0.3, "seed": 3]
      $0.flags = ["normalize": true]
    },
    MethodCase("della_linear", "no reach", models: 2) { $0.numbers = ["density": 0.3, "epsilon": 0, "seed": 3] },
  ]

  private static let band: [MethodCase] = {
    var cases: [MethodCase] = []
    for variant in ["mergekit", "mergekit_verbatim", "original", "mergellm"] {
      for (density, gamma) in [(0.5, 0.25), (0.9, 0.01), (0.25, 0.9), (1, 0.1), (0, 0.5)] {
        cases.append(
          MethodCase("breadcrumbs", "\(variant), density \(density), gamma \(gamma)") {
            $0.numbers = ["density": density, "gamma": gamma, "lambda": 0.4, "mask_rate": (1 - density) / 2]
            $0.choices = ["variant": variant]
          })
      }
    }
    return cases + [
      MethodCase("breadcrumbs", "kept first, rescaled, densities") {
        $0.perModel = ["density": [0.5, 0.3, 1], "gamma": [0.1, 0.2, 0], "weight": [1, -0.5, 2]]
        $0.choices = ["variant": "original", "order": "keep_first"]
        $0.flags = ["rescale": true, "normalize": true]
      },
      MethodCase("breadcrumbs_ties", "mergekit") { $0.numbers = ["density": 0.5, "gamma": 0.25] },
      MethodCase("breadcrumbs_ties", "rescaled, normalised") {
        $0.numbers = ["density": 0.7, "gamma": 0.1]
        $0.flags = ["rescale": true, "normalize": true]
      },
      MethodCase("ties", "rescaled") {
        $0.numbers = ["density": 0.3]
        $0.flags = ["rescale": true]
      },
    ]
  }()

  private static let fused: [MethodCase] = [
    MethodCase("arcee_fusion", "as it is", models: 1) { _ in },
    MethodCase("arcee_fusion", "half a range", models: 1) { $0.numbers = ["iqr_factor": 0.5] },
  ]

  private static func soup(_ policy: String, mask: Bool) -> MethodCase {
    MethodCase("sparse_soup", mask ? "\(policy), a mask" : policy, base: false) {
      $0.choices = ["mask_policy": policy]
      $0.perModel = ["weight": [1, 0.5, 2]]
      if mask { $0.sides = ["mask": (1, { $0.next() % 3 == 0 ? 0 : 1 })] }
    }
  }

  private static let pruned = [
    soup("intersection", mask: false), soup("intersection", mask: true), soup("union", mask: false),
    soup("from_file", mask: true),
  ]
}
