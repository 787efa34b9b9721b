internal import WeirIO

/// A merge method of recipes, and the operation whose numbers are its own.
struct RecipeMethod: Sendable {
  /// What becomes of `base_model`.
  enum Base: Sendable {
    /// The models are changes from it.
    case required
    /// They are where one is given.
    case optional
    /// It is one more of the models, and the first.
    case model
    /// It is merged where a weight is given for it, and otherwise gives config and tokenizer alone.
    case weighed
    /// It gives config and tokenizer alone.
    case none
  }

  struct Parameter: Sendable {
    let name: String
    /// The operation's name for it; `nil` for one that changes nothing.
    let target: String?
    var isFlag = false
    var isWhole = false
    /// Whether each model may have its own.
    var isPerModel = false
    var isRequired = false
  }

  let name: String
  let op: String
  let base: Base
  /// How many models it takes, the base not counted.
  let models: ClosedRange<Int>
  let parameters: [Parameter]
  /// What makes the operation compute as the tool does.
  let fixed: [(String, JSONValue)]

  /// Whether several models are needed: one alone is handed on.
  var handsOnOne: Bool { models.lowerBound > 1 || name == "passthrough" }

  subscript(parameter name: String) -> Parameter? { parameters.first { $0.name == name } }

  private init(
    _ name: String, op: String? = nil, _ base: Base, _ models: ClosedRange<Int> = 1...Int.max,
    _ parameters: [Parameter] = [], fixed: [(String, JSONValue)] = []
  ) {
    self.name = name
    self.op = op ?? name
    self.base = base
    self.models = models
    self.parameters = parameters
    self.fixed = fixed
  }

  static func named(_ name: String) -> RecipeMethod? { all.first { $0.name == name } }

  static let names = all.map(\.name)

  /// The names of all parameters of all methods.
  static let parameterNames = Array(Set(all.flatMap { $0.parameters.map(\.name) })).sorted()

  // MARK: - The table

  private static let weight = Parameter(name: "weight", target: "weight", isPerModel: true, isRequired: true)
  private static let density = Parameter(name: "density", target: "density", isPerModel: true)
  private static let normalize = Parameter(name: "normalize", target: "normalize", isFlag: true)
  private static let mask = Parameter(name: "int8_mask", target: nil, isFlag: true)
  private static let step = Parameter(name: "t", target: "t", isRequired: true)

  private static func number(_ name: String) -> Parameter { Parameter(name: name, target: name) }
  private static func flag(_ name: String) -> Parameter { Parameter(name: name, target: name, isFlag: true) }

  /// A method on task vectors: what it has besides, and whether its operation can rescale.
  private static func taskVectors(
    _ name: String, rescales: Bool = true, _ own: [Parameter] = [], fixed: [(String, JSONValue)] = []
  ) -> RecipeMethod {
    let rescale = Parameter(name: "rescale", target: rescales ? "rescale" : nil, isFlag: true)
    let parameters = [weight, normalize, number("lambda"), mask, rescale] + own
    return RecipeMethod(name, .required, 1...Int.max, parameters, fixed: fixed)
  }

  private static let epsilon = Parameter(name: "epsilon", target: "epsilon", isPerModel: true)
  private static let gamma = Parameter(name: "gamma", target: "gamma", isPerModel: true)
  private static let l1: [(String, JSONValue)] = [("rescale_rule", .string("l1"))]
  private static let verbatim: [(String, JSONValue)] = [("variant", .string("mergekit_verbatim"))]

  static let all: [RecipeMethod] = [
    RecipeMethod("linear", .weighed, 1...Int.max, [weight, normalize]),
    RecipeMethod("slerp", .required, 1...1, [step]),
    RecipeMethod("nuslerp", .optional, 2...2, [weight, flag("nuslerp_flatten"), flag("nuslerp_row_wise")]),
    RecipeMethod("multislerp", .optional, 2...Int.max, [weight, flag("normalize_weights"), number("eps")]),
    RecipeMethod(
      "karcher", .model, 2...Int.max, [Parameter(name: "max_iter", target: "max_iter", isWhole: true), number("tol")]),
    taskVectors("task_arithmetic", rescales: false, [Parameter(name: "density", target: nil, isPerModel: true)]),
    taskVectors("ties", [density]),
    taskVectors("dare_linear", [density], fixed: l1),
    taskVectors("dare_ties", [density], fixed: l1),
    taskVectors("della", [density, epsilon], fixed: l1),
    taskVectors("della_linear", [density, epsilon], fixed: l1),
    taskVectors("breadcrumbs", [density, gamma], fixed: verbatim),
    taskVectors("breadcrumbs_ties", [density, gamma], fixed: verbatim),
    RecipeMethod(
      "sce", .required, 1...Int.max, [mask, number("select_topk")], fixed: [("energy_floor", .number(1e-6))]),
    RecipeMethod("ram", .required, 1...Int.max, [number("epsilon")]),
    RecipeMethod(
      "ramplus_tl", op: "ram_plus", .required, 1...Int.max, [number("r"), number("alpha"), number("epsilon")]),
    RecipeMethod("model_stock", .required, 2...Int.max, [flag("filter_wise")], fixed: [("floor", .string("mergekit"))]),
    RecipeMethod("nearswap", .required, 1...1, [step], fixed: [("floor", .string("mergekit"))]),
    RecipeMethod("arcee_fusion", .required, 1...1),
    RecipeMethod("passthrough", .none, 1...1, [Parameter(name: "scale", target: "scale", isPerModel: true)]),
  ]
}
