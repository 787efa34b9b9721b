import TestSupport
import Testing
import WeirTensors

@testable import WeirOps

/// A method with parameters, to be called on random tensors.
struct MethodCase: Sendable, CustomTestStringConvertible {
  let method: String
  let title: String
  var modelCount = 3
  var hasBase = true
  var numbers: [String: Double] = [:]
  var perModel: [String: [Double]] = [:]
  var flags: [String: Bool] = [:]
  var choices: [String: String] = [:]
  /// What parameters name beside the models: how many sets of tensors, and how an element is drawn.
  var sides: [String: (count: Int, draw: @Sendable (inout SplitMix64) -> Double)] = [:]
  /// How the numbers of a model for a tensor of a shape are drawn.
  var coefficients: (@Sendable (_ shape: [Int], inout SplitMix64) -> [Double]?)?

  var testDescription: String { "\(method): \(title)" }

  init(_ method: String, _ title: String, models: Int = 3, base: Bool = true, _ change: (inout MethodCase) -> Void) {
    self.method = method
    self.title = title
    modelCount = models
    hasBase = base
    change(&self)
  }

  func call(_ shape: [Int], _ random: inout SplitMix64) -> Call {
    var call = call(of: shape.reduce(1, *), &random)
    (call.shape, call.name) = (shape, "model.layers.0.w\(call.models[0].count)")
    draw(of: [ReferencePart(call.name, shape)], for: &call, &random)
    return call
  }

  /// A model of several tensors, some of them in layers.
  func call(_ parts: [ReferencePart], _ random: inout SplitMix64) -> Call {
    var call = call(of: parts.reduce(0) { $0 + $1.shape.reduce(1, *) }, &random)
    call.parts = parts
    draw(of: parts, for: &call, &random)
    return call
  }

  /// Draws what stands beside the models.
  private func draw(of parts: [ReferencePart], for call: inout Call, _ random: inout SplitMix64) {
    for (name, side) in sides.sorted(by: { $0.key < $1.key }) {
      call.sides[name] = (0..<side.count).map { _ in call.models[0].map { _ in side.draw(&random) } }
    }
    guard let coefficients else { return }
    for _ in 0..<modelCount {
      var numbers: [String: [Double]] = [:]
      for part in parts { numbers[part.name] = coefficients(part.shape, &random) }
      call.coefficients.append(numbers)
    }
  }

  private func call(of count: Int, _ random: inout SplitMix64) -> Call {
    func tensor() -> [Double] { (0..<count).map { _ in random.dyadic() } }
    var call = Call(base: hasBase ? tensor() : nil, models: (0..<modelCount).map { _ in tensor() })
    (call.numbers, call.perModel, call.flags, call.choices) = (numbers, perModel, flags, choices)
    return call
  }

  static let all: [MethodCase] =
    averages + checkpoints + geometry + taskVectors + ties + masks + ranked + outliers + beside + primitives

  private static let averages: [MethodCase] = [
    MethodCase("linear", "weights", base: false) { $0.perModel = ["weight": [1, 2.5, -0.75]] },
    MethodCase("linear", "one model", models: 1, base: false) { $0.perModel = ["weight": [3]] },
    MethodCase("linear", "as they are", base: false) {
      $0.perModel = ["weight": [1, -1, 0.5]]
      $0.flags = ["normalize": false]
    },
    MethodCase("lerp", "t", models: 1) { $0.numbers = ["t": 0.3] },
    MethodCase("lerp", "beyond", models: 1) { $0.numbers = ["t": 1.5] },
    MethodCase("slerp", "t", models: 1) { $0.numbers = ["t": 0.3] },
    MethodCase("slerp", "ends", models: 1) { $0.numbers = ["t": 1] },
    MethodCase("slerp", "threshold 0: the line", models: 1) { $0.numbers = ["t": 0.3, "dot_threshold": 0] },
    MethodCase("nuslerp", "flat", models: 2, base: false) { $0.perModel = ["weight": [1, 3]] },
    MethodCase("nuslerp", "flat, deltas", models: 2) { $0.perModel = ["weight": [0.5, 0.25]] },
    MethodCase("nuslerp", "rows", models: 2, base: false) { $0.flags = ["nuslerp_flatten": false] },
    MethodCase("nuslerp", "columns, deltas", models: 2) {
      $0.flags = ["nuslerp_flatten": false, "nuslerp_row_wise": true]
      $0.perModel = ["weight": [2, 1]]
    },
    MethodCase("nuslerp", "weights that cancel", models: 2, base: false) { $0.perModel = ["weight": [1, -1]] },
    MethodCase("passthrough", "scaled", models: 1, base: false) { $0.numbers = ["scale": -0.5] },
  ]

  private static let taskVectors: [MethodCase] = [
    MethodCase("task_arithmetic", "weights, λ") {
      $0.numbers = ["lambda": 0.5]
      $0.perModel = ["weight": [0.5, -0.25, 2]]
    },
    MethodCase("task_arithmetic", "normalised") {
      $0.flags = ["normalize": true]
      $0.perModel = ["weight": [0.5, 0.25, 2]]
    },
    MethodCase("task_arithmetic", "weights that cancel, normalised") {
      $0.flags = ["normalize": true]
      $0.perModel = ["weight": [0.5, 0.25, -0.75]]
    },
    MethodCase("negate", "λ", models: 1) { $0.numbers = ["lambda": 0.5] },
    MethodCase("analogy", "λ") { $0.numbers = ["lambda": 0.25] },
    MethodCase("extrapolate", "α", models: 1) { $0.numbers = ["alpha": 0.3] },
    MethodCase("dare_linear", "half") { $0.numbers = ["density": 0.5, "seed": 11] },
    MethodCase("dare_linear", "not rescaled, nothing kept") {
      $0.numbers = ["density": 0, "seed": 11]
      $0.flags = ["rescale": false]
    },
    MethodCase("dare_linear", "density 1") { $0.numbers = ["density": 1, "seed": 11] },
    MethodCase("dare_ties", "densities, normalised") {
      $0.numbers = ["seed": 3]
      $0.perModel = ["density": [0.25, 1, 0.9], "weight": [1, 0.5, 0.25]]
      $0.flags = ["normalize": true]
    },
    MethodCase("dare_ties", "L1") {
      $0.numbers = ["density": 0.125, "seed": 3]
      $0.choices = ["rescale_rule": "l1"]
    },
  ]

  private static let ties: [MethodCase] = variants + densities + [majority, weightless]

  private static let variants: [MethodCase] = {
    var cases: [MethodCase] = []
    for variant in ["mergekit", "peft", "paper"] {
      for aggregate in ["mean", "sum", "max"] {
        for election in ["sum", "count"] {
          cases.append(
            MethodCase("ties", "\(variant), \(aggregate), election by \(election)") {
              $0.numbers = ["density": 0.375]
              if variant != "paper" { $0.perModel = ["weight": [0.5, -1, 0.25]] }
              $0.choices = ["variant": variant, "aggregate": aggregate, "election": election]
            })
        }
      }
    }
    return cases
  }()

  private static let densities: [MethodCase] = {
    var cases: [MethodCase] = []
    for density in [0, 0.001, 0.5, 0.999, 1] {
      for scope in ["tensor", "model"] {
        for rule in ["exact_k", "threshold"] {
          cases.append(
            MethodCase("ties", "density \(density), scope \(scope), \(rule)") {
              $0.numbers = ["density": density, "lambda": 0.5]
              $0.choices = ["scope": scope, "rule": rule]
              $0.flags = ["normalize": scope == "tensor"]
            })
        }
      }
    }
    return cases
  }()

  private static let majority = MethodCase("ties", "majority of all signs") {
    $0.numbers = ["density": 0.25]
    $0.choices = ["zero_sign": "global_majority"]
  }

  private static let weightless = MethodCase("ties", "no model has weight") { $0.perModel = ["weight": [0, 0, 0]] }

  private static let primitives: [MethodCase] = [
    MethodCase("subtract", "two", models: 2, base: false) { _ in },
    MethodCase("add", "four", models: 4, base: false) { _ in },
    MethodCase("scale", "factor", models: 1, base: false) { $0.numbers = ["factor": -0.75] },
    MethodCase("scale", "by nothing", models: 1, base: false) { $0.numbers = ["factor": 0] },
    MethodCase("multiply", "three", base: false) { _ in },
    MethodCase("mean", "three", base: false) { _ in },
    MethodCase("elect", "sum", base: false) { _ in },
    MethodCase("elect", "count", base: false) { $0.choices = ["election": "count"] },
    MethodCase("agree", "two", models: 2, base: false) { _ in },
    MethodCase("select", "mask", base: false) { _ in },
    MethodCase("abs", "one", models: 1, base: false) { _ in },
    MethodCase("sign", "one", models: 1, base: false) { _ in },
    MethodCase("minimum", "three", base: false) { _ in },
    MethodCase("maximum", "three", base: false) { _ in },
    MethodCase("clip", "interval", models: 1, base: false) { $0.numbers = ["min": -0.25, "max": 0.5] },
    MethodCase("cast", "bf16", models: 1, base: false) { $0.choices = ["dtype": "bf16"] },
    MethodCase("cast", "f16", models: 1, base: false) { $0.choices = ["dtype": "f16"] },
    MethodCase("trim", "a third", models: 1, base: false) { $0.numbers = ["density": 1.0 / 3] },
    MethodCase("trim", "threshold, all of the model", models: 1, base: false) {
      $0.numbers = ["density": 0.7]
      $0.choices = ["rule": "threshold", "scope": "model"]
    },
    MethodCase("drop", "rescaled", models: 1, base: false) {
      $0.numbers = ["density": 0.3, "seed": 5]
      $0.flags = ["rescale": true]
    },
  ]
}

@Suite struct MethodPropertyTests {
  private static let shapes: [[Int]] = [[], [0], [0, 4], [1], [2], [301], [1, 40], [40, 1], [13, 29], [5, 7, 9]]

  /// Whether numbers are equal but for the rounding of a few operations.
  private func agree(_ a: Double, _ b: Double, _ bound: Double) -> Bool {
    a == b || (a.isNaN && b.isNaN) || abs(a - b) <= bound * max(1, abs(a), abs(b))
  }

  @Test(arguments: MethodCase.all)
  func `A method does what its text says on random tensors of every kind`(item: MethodCase) throws {
    var random = SplitMix64(seed: 7)
    var checked = 0
    for (number, shape) in Self.shapes.enumerated() {
      let call = item.call(shape, &random)
      guard let expected = call.reference.run(item.method) else {
        #expect(throws: MethodError.self, "\(shape)") { try call.run(item.method) }
        continue
      }
      checked += 1
      let cuts = expected.count < 50 ? Cut.all : Cut.wide
      let cut = cuts[number % cuts.count]
      let found = try call.run(item.method, cut: cut)
      let single = try call.run(item.method, double: false)
      #expect(found.count == expected.count)
      for (place, expected) in expected.enumerated() {
        guard agree(found[place], expected, 1e-12), agree(single[place], expected, 2e-5) else {
          Issue.record("\(shape) element \(place): \(found[place]) and \(single[place]), expected \(expected); \(cut)")
          break
        }
      }
    }
    #expect(checked > 5)
  }

  private static let parts = [
    ReferencePart("model.embed_tokens.weight", [9, 4]), ReferencePart("model.layers.0.mlp.weight", [5, 7]),
    ReferencePart("model.layers.0.norm.weight", [11]), ReferencePart("model.layers.1.mlp.weight", [5, 7]),
    ReferencePart("model.layers.1.scale", []), ReferencePart("model.layers.2.mlp.weight", [0, 7]),
    ReferencePart("model.layers.2.norm.weight", [11]), ReferencePart("lm_head.weight", [9, 4]),
  ]

  @Test(arguments: MethodCase.all)
  func `A method does what its text says on a model of several tensors`(item: MethodCase) throws {
    var random = SplitMix64(seed: 17)
    let call = item.call(Self.parts, &random)
    guard let expected = call.reference.run(item.method) else {
      #expect(throws: MethodError.self) { try call.run(item.method) }
      return
    }
    for (cut, double) in [(Cut.all[1], true), (Cut.all[2], true), (Cut(), false)] {
      let found = try call.run(item.method, cut: cut, double: double)
      #expect(found.count == expected.count)
      let wrong = zip(found, expected).enumerated().first { !agree($1.0, $1.1, double ? 1e-12 : 2e-5) }
      #expect(wrong == nil, "\(cut)\(double ? "" : ", Float32")")
    }
  }

  @Test(arguments: MethodCase.all)
  func `The same elements come out for every cut`(item: MethodCase) throws {
    var random = SplitMix64(seed: 8)
    for (shape, cuts) in [([3, 5, 2], Cut.all), ([5, 7, 9], Cut.wide)] {
      let call = item.call(shape, &random)
      let expected = try call.run(item.method, double: false).map(\.bitPattern)
      for cut in cuts { #expect(try call.run(item.method, cut: cut, double: false).map(\.bitPattern) == expected) }
    }
  }

  @Test(arguments: [1.0, 2, 3, 0.7, 1e-3, 1e3], [0.25, 0.5, 0.75])
  func `Antiparallel tensors lie on a line`(factor: Double, t: Double) throws {
    var random = SplitMix64(seed: 9)
    for count in [2, 3, 8, 50, 301] {
      let a = (0..<count).map { _ in random.signed() }
      let b = a.map { -factor * $0 }
      let call = Call(models: [a, b], perModel: ["weight": [1 - t, t]])
      let found = try call.run("nuslerp")
      for place in 0..<count {
        #expect(abs(found[place] - ((1 - t) * a[place] + t * b[place])) < 1e-6 * max(1, factor))
      }
    }
  }

  @Test(arguments: [[0.0, 0, 0], [1, -2, 3]], [[0.0, 0, 0], [2, 1, -1]])
  func `Zero tensors have a spherical mean`(a: [Double], b: [Double]) throws {
    for (method, call) in [
      ("slerp", Call(base: a, models: [b], numbers: ["t": 0.25])),
      ("nuslerp", Call(models: [a, b], perModel: ["weight": [3, 1]])),
    ] {
      let expected = try #require(call.reference.run(method))
      for (found, expected) in zip(try call.run(method), expected) { #expect(abs(found - expected) < 1e-12) }
    }
  }

  @Test func `No majority counts as nothing in the paper's largest`() throws {
    // Two elements cancel, and the signs of the others cancel too: the elected sign stays 0.
    let call = Call(
      base: [0, 0, 0, 0], models: [[1, -1, 2, -2], [-1, 1, 2, -2]], numbers: ["density": 1],
      choices: ["variant": "paper", "aggregate": "max"])
    #expect(try call.run("ties") == [0, 0, 2, -2])
  }

  @Test(arguments: [[1.0, -1], [0.5, -0.5], [0, 0]])
  func `An average of weights that sum to zero is an error`(weights: [Double]) {
    #expect(throws: MethodError.self) {
      try Call(models: [[1, 2], [3, 4]], perModel: ["weight": weights]).run("linear")
    }
  }

  @Test(arguments: ["dare_linear", "dare_ties"])
  func `Nothing kept cannot be rescaled`(method: String) {
    #expect(throws: MethodError.self) {
      try Call(base: [1, 2], models: [[1, 2]], numbers: ["density": 0]).run(method)
    }
  }

  @Test(arguments: [1e-9, 0.01, 0.2])
  func `A density above nothing keeps one element`(density: Double) throws {
    let call = Call(models: [[1, -3, 2, 3]], numbers: ["density": density])
    #expect(try call.run("trim") == [0, -3, 0, 0])
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity], [0, 1005, 4096, 5000])
  func `A number that is not finite is named by its place`(value: Double, place: Int) throws {
    var values = [Double](repeating: 1, count: 5001)
    values[place] = value
    for cut in Cut.wide {
      let call = Call(base: values.map { _ in 1 }, models: [values], numbers: ["density": 0.5])
      for method in ["task_arithmetic", "ties"] {
        let error = #expect(throws: NonFinite.self) { try call.run(method, cut: cut) }
        #expect(error?.element == place)
        #expect(error?.slot == 1)
        #expect(error?.value.isNaN == value.isNaN)
      }
    }
  }
}

extension Cut {
  /// For tensors too large to be cut into single elements in a debug build.
  static let wide = [Cut(tile: 100, unitsPerClaim: 2, reversesClaims: true), Cut(tile: 4096), Cut(tile: 1 << 20)]
}
