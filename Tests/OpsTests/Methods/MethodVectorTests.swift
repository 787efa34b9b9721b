import Testing

@testable import WeirOps

/// One test vector of the methods' definitions.
struct Vector: Sendable, CustomTestStringConvertible {
  let title: String
  let method: String
  let call: Call
  let expected: [Double]
  /// How far off Double may be, by how the text rounds.
  var tolerance = 2e-6

  var testDescription: String { "\(method): \(title)" }

  init(_ method: String, _ title: String, _ call: Call, _ expected: [Double], tolerance: Double = 2e-6) {
    self.tolerance = tolerance
    self.method = method
    self.title = title
    self.call = call
    self.expected = expected
  }

  /// The same with the expected values given as the merged delta on the fixture's base.
  init(_ method: String, _ title: String, _ call: Call, delta: [Double]) {
    self.init(method, title, call, zip(FixtureF.base, delta).map { $0 + $1 })
  }
}

@Suite struct MethodVectorTests {
  @Test(arguments: MethodVectors.all, Cut.all)
  func `A method gives its published vector in Double`(vector: Vector, cut: Cut) throws {
    let found = try vector.call.run(vector.method, cut: cut)
    for (found, expected) in zip(found, vector.expected) { #expect(abs(found - expected) <= vector.tolerance) }
  }

  @Test(arguments: MethodVectors.all)
  func `A method gives its published vector in Float32`(vector: Vector) throws {
    let found = try vector.call.run(vector.method, double: false)
    let tolerance = max(1e-5, vector.tolerance * 2)
    for (found, expected) in zip(found, vector.expected) { #expect(abs(found - expected) <= tolerance) }
  }
}

enum MethodVectors {
  static let f = FixtureF.self
  static let all3 = Call(base: f.base, models: f.models)

  static func with(_ call: Call, _ change: (inout Call) -> Void) -> Call {
    var call = call
    change(&call)
    return call
  }

  static let all: [Vector] =
    averages + checkpoints + spherical + geometry + arithmetic + ties + dare + masks + ranked + outliers + beside

  static let averages = [
    Vector(
      "linear", "weights 1, 2, 1", Call(models: f.models, perModel: ["weight": [1, 2, 1]]),
      [1.15625, -1.765625, 0.359375, 3.078125, -0.203125, -0.671875, 2.375, -0.5]),
    Vector(
      "linear", "not normalised",
      Call(models: f.models, perModel: ["weight": [0.5, 0.25, 0.25]], flags: ["normalize": false]),
      [1.21875, -1.890625, 0.484375, 3.203125, -0.265625, -0.8125, 2.34375, -0.703125]),
    Vector(
      "linear", "uniform soup", Call(models: f.models),
      [1.125, -1.8125, 0.479167, 3.145833, -0.270833, -0.770833, 2.208333, -0.5625]),
    Vector(
      "mean", "three inputs", Call(models: f.models),
      [1.125, -1.8125, 0.479167, 3.145833, -0.270833, -0.770833, 2.208333, -0.5625]),
    Vector(
      "lerp", "a quarter of the way", Call(base: f.base, models: [f.m1], numbers: ["t": 0.25]),
      zip(f.base, f.m1).map { 0.75 * $0 + 0.25 * $1 }),
  ]

  static let spherical = [
    Vector(
      "slerp", "X to Y", Call(base: f.x, models: [f.y], numbers: ["t": 0.25]),
      [0.943295, 0.796766, 1.488207, -0.544912, 0.398383, 2.829885, 1.740061, -0.796766]),
    Vector(
      "slerp", "close enough to be an arc", Call(base: f.base, models: [f.m1], numbers: ["t": 0.25]),
      [1.128059, -2.036444, 0.501266, 3.101739, -0.062764, -0.98684, 2.193354, -0.658175]),
    Vector(
      "slerp", "parallel: the line", Call(base: f.base, models: [f.base.map { $0 * 1.01 }], numbers: ["t": 0.5]),
      [1.005, -2.01, 0.5025, 3.015, 0, -1.005, 2.01, -0.5025]),
    Vector(
      "slerp", "a zero base", Call(base: f.y.map { _ in 0 }, models: [f.y], numbers: ["t": 0.25]),
      [0, 0.765367, -0.382683, 0.382683, 0.382683, 0, 0.765367, -0.765367]),
    Vector(
      "nuslerp", "flat", Call(models: [f.x, f.y], perModel: ["weight": [1, 2]]),
      [0.519613, 1.777201, 0.150626, 0.368987, 0.888601, 1.55884, 2.296814, -1.777201]),
    Vector(
      "nuslerp", "along the last axis",
      Call(models: [f.x, f.y], shape: [2, 4], perModel: ["weight": [1, 2]], flags: ["nuslerp_flatten": false]),
      [0.742227, 2.274316, 0.347296, 0.394931, 0.804879, 1.342616, 2.057296, -1.609757]),
    Vector(
      "nuslerp", "along the first axis",
      Call(
        models: [f.x, f.y], shape: [2, 4], perModel: ["weight": [1, 2]],
        flags: ["nuslerp_flatten": false, "nuslerp_row_wise": true]),
      [0.5, 1.732051, 0.133975, 0.391011, 0.866025, 1.5, 2.232051, -2.184824]),
    Vector(
      "nuslerp", "on task vectors", Call(base: f.base, models: [f.m1, f.m2], perModel: ["weight": [1, 2]]),
      [1.396589, -1.765517, 0.118708, 3.059134, -0.102971, -0.497642, 2.976175, -0.614444]),
  ]

  static let arithmetic = [
    Vector(
      "task_arithmetic", "λ .5", with(all3) { $0.numbers = ["lambda": 0.5] },
      [1.1875, -1.71875, 0.46875, 3.21875, -0.40625, -0.65625, 2.3125, -0.59375]),
    Vector(
      "task_arithmetic", "normalised",
      with(all3) {
        $0.perModel = ["weight": [0.6, 0.3, 0.1]]
        $0.flags = ["normalize": true]
      }, [1.3375, -1.93125, 0.39375, 3.20625, -0.20625, -0.775, 2.6125, -0.79375]),
    Vector(
      "negate", "model 1", Call(base: f.base, models: [f.m1]), [0.5, -1.875, 0.5, 2.625, 0.25, -1.0625, 1.25, 0.125]),
    Vector(
      "analogy", "1 is to 2 as 3 is to …", all3,
      [0.375, -1.1875, 0.4375, 2.6875, -0.3125, -0.4375, 1.125, 0.5625]),
    Vector(
      "extrapolate", "α .3", Call(base: f.base, models: [f.m1], numbers: ["alpha": 0.3]),
      [1.65, -2.1625, 0.5, 3.4875, -0.325, -0.91875, 2.975, -1.3125]),
  ]

  private static let half = with(all3) { $0.numbers = ["density": 0.5] }
  private static let weighted = with(half) { $0.perModel = ["weight": [0.5, 0.3, 0.2]] }
  private static let paper = with(half) { $0.choices = ["variant": "paper"] }

  static let ties = [
    Vector("ties", "mergekit", half, delta: [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.8125, -0.625]),
    Vector(
      "ties", "election by count", with(half) { $0.choices = ["election": "count"] },
      delta: [0.5, 0.375, 0.4375, 0.375, -0.5625, 0.625, 0.8125, -0.625]),
    Vector(
      "ties", "not normalised", with(half) { $0.flags = ["normalize": false] },
      delta: [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 1.625, -0.625]),
    Vector(
      "ties", "weights and λ", with(weighted) { $0.numbers["lambda"] = 0.8 },
      [1.4, -1.7, 0.1, 3.3, -0.45, -0.5, 2.6375, -1]),
    Vector(
      "ties", "weights, not normalised", with(weighted) { $0.flags = ["normalize": false] },
      delta: [0.25, 0.1125, -0.15, 0.1875, -0.1125, 0.1875, 0.6375, -0.3125]),
    Vector("ties", "paper, mean", paper, delta: [0.375, 0.34375, -0.5, 0.375, -0.40625, 0.625, 0.8125, -0.625]),
    Vector(
      "ties", "paper, sum", with(paper) { $0.choices["aggregate"] = "sum" },
      delta: [0.75, 0.6875, -0.5, 0.375, -0.8125, 0.625, 1.625, -0.625]),
    Vector(
      "ties", "paper, max", with(paper) { $0.choices["aggregate"] = "max" },
      delta: [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, 0.875, -0.625]),
    Vector(
      "ties", "peft", with(weighted) { $0.choices = ["variant": "peft"] },
      delta: [0.25, 0.1125, -0.15, 0.1875, -0.1125, 0.1875, 0.31875, -0.3125]),
    Vector(
      "trim", "ties in magnitude, exact_k",
      Call(models: [[0.5, -0.5, 0.5, 0.25, 0.25, 0.25, 0, 0.125]], numbers: ["density": 0.5]),
      [0.5, -0.5, 0.5, 0.25, 0, 0, 0, 0]),
    Vector(
      "trim", "ties in magnitude, threshold",
      Call(
        models: [[0.5, -0.5, 0.5, 0.25, 0.25, 0.25, 0, 0.125]], numbers: ["density": 0.5],
        choices: ["rule": "threshold"]),
      [0.5, -0.5, 0.5, 0.25, 0.25, 0.25, 0, 0]),
    Vector(
      "trim", "model 1's delta over the model",
      Call(
        models: [[0.5, -0.125, 0, 0.375, -0.25, 0.0625, 0.75, -0.625]], numbers: ["density": 0.5],
        choices: ["scope": "model"]),
      [0.5, 0, 0, 0.375, 0, 0, 0.75, -0.625]),
  ]

  private static let dropped = with(all3) { $0.numbers = ["density": 0.5, "lambda": 0.5, "seed": 42] }
  private static let l1 = with(dropped) { $0.choices = ["rescale_rule": "l1"] }

  static let dare = [
    Vector("dare_linear", "1/density", dropped, [1.75, -1.8125, 0.9375, 3.4375, -0.8125, -0.9375, 2, -0.25]),
    Vector(
      "dare_linear", "L1", l1, [2.491071, -1.848958, 0.890625, 3.061756, -0.758185, -0.936012, 2, -0.276786]),
    Vector("dare_ties", "1/density", dropped, [1.75, -1.6875, 0.9375, 3.5625, -0.8125, -0.9375, 2, -0.25]),
    Vector(
      "dare_ties", "normalised", with(dropped) { $0.flags = ["normalize": true] },
      [1.375, -1.6875, 0.9375, 3.28125, -0.40625, -0.9375, 2, -0.25]),
    Vector(
      "dare_ties", "L1", l1, [2.491071, -1.720982, 0.890625, 3.551339, -0.758185, -0.936012, 2, -0.276786]),
  ]
}
