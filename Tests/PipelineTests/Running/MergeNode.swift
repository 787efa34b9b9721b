import TestSupport
import Testing
import WeirOps
import WeirTensors

@testable import WeirPipeline

/// A node over the sources `base`, `m`, `n` and the delta `d`, with the plain reference of what it does to a tensor.
struct MergeNode: Sendable, CustomTestStringConvertible {
  let op: String
  let body: String
  let inputs: [String]
  var numbers: [String: Double] = [:]
  var perModel: [String: [Double]] = [:]
  var flags: [String: Bool] = [:]
  var choices: [String: String] = [:]

  var testDescription: String { "\(op)\(body)" }

  /// Makes a node of models over the base.
  init(
    _ op: String, _ body: String = "", models: [String] = ["m", "n"], base: Bool = true,
    _ change: (inout MergeNode) -> Void = { _ in }
  ) {
    self.op = op
    self.body = body
    inputs = (base ? ["base"] : []) + models
    change(&self)
  }

  private var isList: Bool {
    if case .list? = MethodRegistry.declaration(named: op)?.inputs { true } else { false }
  }

  /// The node's JSON.
  var text: String {
    let names = inputs.filter { $0 != "base" || isList }.enumerated().map { place, name in
      let own = perModel.map { #", "\#($0.key)": \#($0.value[place])"# }.joined()
      return own.isEmpty ? #""\#(name)""# : #"{"from": "\#(name)"\#(own)}"#
    }
    let base = inputs.first == "base" ? #""base": "base", "# : ""
    let parameters =
      numbers.map { #", "\#($0.key)": \#(Int(exactly: $0.value).map { "\($0)" } ?? "\($0.value)")"# }
      + flags.map { #", "\#($0.key)": \#($0.value)"# } + choices.map { #", "\#($0.key)": "\#($0.value)""# }
    return #"{"op": "\#(op)", \#(base)"\#(isList ? "inputs" : "models")": [\#(names.joined(separator: ", "))]"#
      + parameters.sorted().joined() + "}"
  }

  /// What the node makes of whole models, by tensor.
  func expected(_ models: [String: [TestTensor]]) -> [String: [Double]]? {
    guard let lead = models["base"]?.filter({ $0.dtype.isMergeable }) else { return nil }
    let whole = models.mapValues { tensors in
      let byName = Dictionary(tensors.map { ($0.name, $0.values) }) { first, _ in first }
      return lead.flatMap { byName[$0.name] ?? [] }
    }
    let names = inputs.filter { $0 != "base" }
    var merge = ReferenceMerge(
      base: inputs.first == "base" ? whole["base"] : nil, models: names.map { whole[$0] ?? [] }, shape: [])
    merge.parts = lead.map { ReferencePart($0.name, $0.shape) }
    merge.deltas = Set(names.indices.filter { names[$0] == "d" })
    (merge.numbers, merge.perModel, merge.flags, merge.choices) = (numbers, perModel, flags, choices)
    guard var values = merge.run(op)?[...] else { return nil }
    var result: [String: [Double]] = [:]
    for tensor in lead {
      let count = tensor.shape.reduce(1, *)
      result[tensor.name] = Array(values.prefix(count))
      values = values.dropFirst(count)
    }
    return result
  }

  static let all: [MergeNode] = plain + layered + angles + masks + ranked + outliers + ties + primitives

  private static let plain: [MergeNode] = [
    MergeNode("linear", base: false) { $0.perModel = ["weight": [0.5, 2]] },
    MergeNode("lerp", models: ["m"]) { $0.numbers = ["t": 0.3] },
    MergeNode("slerp", models: ["m"]) { $0.numbers = ["t": 0.3] },
    MergeNode("nuslerp", base: false) { $0.perModel = ["weight": [1, 3]] },
    MergeNode("nuslerp", " of rows, on deltas") { $0.flags = ["nuslerp_flatten": false] },
    MergeNode("nuslerp", " of columns", base: false) {
      $0.flags = ["nuslerp_flatten": false, "nuslerp_row_wise": true]
    },
    MergeNode("task_arithmetic", " with a delta", models: ["m", "d"]) {
      $0.perModel = ["weight": [0.5, -0.75]]
      $0.numbers = ["lambda": 0.5]
    },
    MergeNode("negate", models: ["m"]) { $0.numbers = ["lambda": 0.5] },
    MergeNode("analogy", models: ["m", "n", "d"]) { $0.numbers = ["lambda": 0.5] },
    MergeNode("extrapolate", models: ["m"]) { $0.numbers = ["alpha": 0.25] },
    MergeNode("passthrough", models: ["m"], base: false) { $0.numbers = ["scale": 0.5] },
    MergeNode("dare_linear") { $0.numbers = ["density": 0.4, "seed": 77] },
    MergeNode("dare_ties", " by L1", models: ["m", "d"]) {
      $0.numbers = ["density": 0.6, "seed": 5]
      $0.choices = ["rescale_rule": "l1"]
      $0.flags = ["normalize": true]
    },
  ]

  private static let layered: [MergeNode] = [
    MergeNode("checkpoint_average", base: false) { $0.choices = ["kind": "ema"] },
    MergeNode("magmax", models: ["m", "n", "d"]),
    MergeNode("nearswap", models: ["m"]) { $0.numbers = ["t": 0.25] },
    MergeNode("chat_vector") { $0.numbers = ["ratio": 0.5] },
    MergeNode("layer_swap", base: false) {
      $0.numbers = ["bottom": 1, "top": 0, "transition_bottom": 0, "transition_top": 1]
      $0.choices = ["outside": "a"]
    },
    MergeNode("lines", models: ["d"]) { $0.numbers = ["alpha": 0.25] },
    MergeNode("lines_multi", models: ["d", "m", "n"]) { $0.numbers = ["beta": 0.5] },
  ]

  private static let angles: [MergeNode] = [
    MergeNode("multislerp", base: false) { $0.perModel = ["weight": [1, 2]] },
    MergeNode("multislerp", " on deltas") { $0.flags = ["normalize_weights": false] },
    MergeNode("model_stock") { $0.choices = ["t_clamp": "unit"] },
    MergeNode("model_stock", " of rows", models: ["m", "d"]) {
      $0.flags = ["filter_wise": true]
      $0.choices = ["t_clamp": "unit"]
    },
    MergeNode("varm"),
    MergeNode("varm", " of layers") { $0.choices = ["granularity": "layer"] },
  ]

  private static let masks: [MergeNode] = [
    MergeNode("sce", models: ["m", "n", "d"]) { $0.numbers = ["select_topk": 0.4] },
    MergeNode("ram", models: ["m", "n", "d"]) { $0.numbers = ["epsilon": 0.5] },
    MergeNode("ram_plus", models: ["m", "n", "d"]) {
      $0.numbers = ["epsilon": 0.5]
      $0.choices = ["scope": "model"]
    },
    MergeNode("tall_mask") { $0.numbers = ["tall_lambda": 0.5, "task": 1] },
    MergeNode("consensus", models: ["m", "n", "d"]) {
      $0.numbers = ["tall_lambda": 0.5, "alpha": 0.5]
      $0.choices = ["merged_with": "ties"]
    },
    MergeNode("emr", models: ["m", "n", "d"]) {
      $0.numbers = ["task": 2]
      $0.choices = ["output": "task"]
    },
  ]

  private static let ranked: [MergeNode] = [
    MergeNode("pcb", models: ["m", "n", "d"]) { $0.numbers = ["ratio": 0.4] },
    MergeNode("pcb", " of tensors") {
      $0.numbers = ["ratio": 0.4]
      $0.choices = ["scope": "tensor", "variant": "b"]
    },
    MergeNode("widen"),
    MergeNode("hi_merging", models: ["m", "n", "d"]) { $0.numbers = ["density": 0.4, "scale": 0.5] },
    MergeNode("evo_merging", models: ["m", "n", "d"]) { $0.numbers = ["density": 0.3, "scale": -0.5] },
    MergeNode("ties_sv", models: ["m", "n", "d"]) {
      $0.numbers = ["density": 0.4, "protected": 1, "slack": 0.5, "protect_fraction": 0.2]
      $0.flags = ["experimental": true]
    },
    MergeNode("lwptv", models: ["m", "n", "d"]) {
      $0.numbers = ["eta": 0.5]
      $0.choices = ["score": "magnitude"]
      $0.flags = ["experimental": true]
    },
  ]

  private static let outliers: [MergeNode] = [
    MergeNode("della", models: ["m", "n", "d"]) { $0.numbers = ["density": 0.4, "seed": 77] },
    MergeNode("della_linear") {
      $0.numbers = ["density": 0.4, "seed": 5]
      $0.choices = ["scope": "tensor", "rescale_rule": "l1"]
    },
    MergeNode("breadcrumbs", models: ["m", "d"]) { $0.numbers = ["density": 0.6, "gamma": 0.1] },
    MergeNode("breadcrumbs_ties", " of rows") {
      $0.numbers = ["density": 0.6, "gamma": 0.1]
      $0.choices = ["variant": "original"]
    },
    MergeNode("arcee_fusion", models: ["m"]),
    MergeNode("sparse_soup", base: false) { $0.choices = ["mask_policy": "union"] },
  ]

  private static let ties: [MergeNode] = [
    MergeNode("ties", models: ["m", "n", "d"]) { $0.numbers = ["density": 0.3] },
    MergeNode("ties", " with weights and a threshold") {
      $0.numbers = ["density": 0.3]
      $0.perModel = ["weight": [0.5, -0.25]]
      $0.choices = ["rule": "threshold", "election": "count"]
    },
    MergeNode("ties", " over the model, exactly", models: ["m", "n", "d"]) {
      $0.numbers = ["density": 0.4]
      $0.choices = ["scope": "model"]
    },
    MergeNode("ties", " over the model, nearly all", models: ["m", "n"]) {
      $0.perModel = ["density": [0.9, 0.77]]
      $0.choices = ["scope": "model", "variant": "peft"]
    },
    MergeNode("ties", " of the paper", models: ["m", "n", "d"]) {
      $0.numbers = ["density": 0.2]
      $0.choices = ["variant": "paper"]
    },
    MergeNode("ties", " of the paper, largest") {
      $0.numbers = ["density": 0.5]
      $0.choices = ["variant": "paper", "aggregate": "max"]
    },
  ]

  private static let primitives: [MergeNode] = [
    MergeNode("subtract", base: false),
    MergeNode("add", models: ["m", "d"], base: false),
    MergeNode("scale", models: ["m"], base: false) { $0.numbers = ["factor": 0.75] },
    MergeNode("multiply", base: false),
    MergeNode("mean", base: false),
    MergeNode("elect", base: false),
    MergeNode("agree", base: false),
    MergeNode("select", models: ["m", "n", "m"], base: false),
    MergeNode("abs", models: ["m"], base: false),
    MergeNode("sign", models: ["m"], base: false),
    MergeNode("minimum", base: false),
    MergeNode("maximum", base: false),
    MergeNode("clip", models: ["m"], base: false) { $0.numbers = ["min": -0.25, "max": 0.5] },
    MergeNode("cast", models: ["m"], base: false) { $0.choices = ["dtype": "bf16"] },
    MergeNode("drop", models: ["m"], base: false) { $0.numbers = ["density": 0.5, "seed": 8] },
    MergeNode("trim", models: ["m"], base: false) { $0.numbers = ["density": 0.3] },
    MergeNode("trim", " over the model", models: ["m"], base: false) {
      $0.numbers = ["density": 0.3]
      $0.choices = ["scope": "model"]
    },
  ]
}

/// Models with tensors of every kind, the first of an odd length so that nothing after it is aligned.
enum Models {
  static let names = ["base", "m", "n", "d"]

  private static let shapes: [(String, DType, [Int])] = [
    ("mask", .bool, [3]), ("scalar", .f32, []), ("empty", .f32, [0, 4]), ("cube", .f64, [5, 7, 3]),
    ("layers.0.w", .bf16, [37, 11]), ("layers.0.b", .bf16, [129]), ("steps", .i64, [2]),
    ("layers.1.w", .f32, [11, 37]), ("one", .f16, [1]), ("layers.1.b", .f16, [1, 130]), ("tail", .bf16, [0]),
  ]

  /// Small ones, whose numbers are so coarse that many are equal and sums are exact.
  static let small: [String: [TestTensor]] = {
    var random = SplitMix64(seed: 31)
    var models: [String: [TestTensor]] = [:]
    for name in names {
      models[name] = shapes.map { tensor, dtype, shape in
        let count = shape.reduce(1, *)
        let values = (0..<count).map { place in
          dtype == .bool ? Double(place % 2) : dtype == .i64 ? Double(place) : random.dyadic()
        }
        return TestTensor(tensor, dtype, shape, values)
      }
    }
    return models
  }()

  /// Larger ones: several blocks, windows and claims, and an F64 tensor that blocks cut in the middle of elements.
  static let medium: [String: [TestTensor]] = {
    var random = SplitMix64(seed: 32)
    var models: [String: [TestTensor]] = [:]
    for name in names {
      models[name] = [
        TestTensor("mask", .bool, [3], [1, 0, 1]), TestTensor("f64", .f64, [150, 270], random: &random),
        TestTensor("w", largeBF16: [400, 401], random: &random), TestTensor("b", largeBF16: [1001], random: &random),
        TestTensor("f32", .f32, [11, 73, 10], random: &random), TestTensor("e", .f16, [0], []),
        TestTensor("v", largeBF16: [30, 1001], random: &random),
      ]
    }
    return models
  }()

  static func write(_ models: [String: [TestTensor]], to scene: Scene) throws {
    for (name, tensors) in models { try scene.add(name, tensors) }
  }
}
