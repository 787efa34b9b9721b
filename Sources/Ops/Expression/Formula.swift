/// A function of a few statistics, written as plain code: what is too long for an expression, or repeats until it is done.
struct Formula: Hashable, Sendable {
  /// The statistics' values and the parameters, to as many numbers as the formula has outputs.
  typealias Body = @Sendable (_ inputs: [Double], _ parameters: [Double]) throws(MethodError) -> [Double]

  /// Names the body: formulas of one name have one.
  let name: String
  let parameters: [Double]
  /// The node that it is for, which a refusal names.
  let node: String
  private let body: Body

  init(_ name: String, parameters: [Double], node: String, body: @escaping Body) {
    self.name = name
    self.parameters = parameters
    self.node = node
    self.body = body
  }

  func callAsFunction(_ inputs: [Double]) throws(MethodError) -> [Double] {
    try body(inputs, parameters)
  }

  static func == (a: Formula, b: Formula) -> Bool {
    a.name == b.name && a.parameters == b.parameters && a.node == b.node
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(parameters)
    hasher.combine(node)
  }
}

/// A node's refusal of what a tensor's statistics turned out to be.
public struct FormulaFailure: Error, Equatable, Sendable {
  public let node: String
  public let message: String
}
