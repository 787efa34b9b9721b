import TestSupport

extension MethodCase {
  static let beside: [MethodCase] = certain + learnt

  private static func fisher(_ title: String, _ change: (inout MethodCase) -> Void) -> MethodCase {
    MethodCase("fisher", title, base: false) {
      $0.sides = ["fisher": (3, { abs($0.dyadic()) })]
      $0.perModel = ["weight": [1, 0.5, 2]]
      change(&$0)
    }
  }

  private static let certain: [MethodCase] = [
    fisher("lengths") { _ in },
    fisher("as it is, all floored") {
      $0.flags = ["normalize": false, "favor_target": false]
      $0.numbers = ["fisher_floor": 0.25]
    },
    fisher("MergeLM's") { $0.choices = ["variant": "mergelm"] },
    fisher("MergeLM's, as it is") {
      $0.choices = ["variant": "mergelm"]
      $0.flags = ["normalize": false]
      $0.numbers = ["fisher_floor": 0.5]
    },
    fisher("nobody knows anything") {
      $0.sides = ["fisher": (3, { _ in 0 })]
      $0.numbers = ["fisher_floor": 0]
    },
  ]

  private static let learnt: [MethodCase] = [
    MethodCase("atlas", "a number, or none") {
      $0.numbers = ["missing": 0.25]
      $0.coefficients = { _, random in random.next() % 4 == 0 ? nil : [random.dyadic()] }
    },
    MethodCase("atlas", "groups, some elements in none") {
      $0.sides = ["groups": (1, { Double($0.int(0..<4)) })]
      $0.coefficients = { _, random in (0..<[1, 3][random.int(0..<2)]).map { _ in random.dyadic() } }
    },
    MethodCase("atlas", "nothing was learnt") { _ in },
    MethodCase("dam", "a number or one for each column", base: false) { $0.coefficients = columns },
    MethodCase("dam", "under tanh", base: false) {
      $0.coefficients = columns
      $0.choices = ["activation": "tanh"]
    },
    MethodCase("dam", "under a sigmoid", models: 2, base: false) {
      $0.coefficients = columns
      $0.choices = ["activation": "sigmoid"]
    },
    MethodCase("dam", "without negative ones", base: false) {
      $0.coefficients = columns
      $0.choices = ["activation": "relu"]
    },
  ]

  private static let columns: @Sendable ([Int], inout SplitMix64) -> [Double]? = { shape, random in
    let count = shape.count < 2 ? shape.reduce(1, *) : shape.dropFirst().reduce(1, *)
    switch random.int(0..<4) {
    case 0: return nil
    case 1: return [random.dyadic()]
    default: return (0..<count).map { _ in random.dyadic() }
    }
  }
}
