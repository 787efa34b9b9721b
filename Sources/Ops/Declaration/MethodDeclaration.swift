/// What a method is called, takes, computes and comes from: one declaration for parser, help, schema and reference page.
public struct MethodDeclaration: Sendable {
  /// Whether a node names its inputs as a base and models, or as a plain list.
  public enum Inputs: Hashable, Sendable {
    /// `"base"` and `"models"`; the base may be required, optional or not taken.
    case models(base: Presence, count: ClosedRange<Int>)
    /// `"inputs"`: so many, in an order that matters.
    case list(ClosedRange<Int>)
    /// `"parts"`: layer ranges of other nodes, laid on one another.
    case parts
  }

  public enum Presence: Hashable, Sendable { case none, optional, required }

  /// How the spaces of the inputs (weights or deltas) decide the space of the result.
  public enum Signature: Hashable, Sendable {
    /// All inputs share one space, which is that of the result.
    case uniform
    /// Models are weights (their base is subtracted) or deltas (taken as they are); with a base the result is a weight,
    /// without one every model must be a delta, and so is the result.
    case taskVectors
    /// weight − weight and delta − delta are deltas; weight − delta is a weight; delta − weight is an error.
    case difference
    /// At most one weight, then deltas; the result is a weight if there is one.
    case sum
    /// Any mixture, as for a mask that picks between inputs: the result has the space of the last two.
    case selection
  }

  /// What a result's bits depend on besides inputs and parameters.
  public enum Numerics: String, Sendable {
    /// Sums, products, comparisons, square roots: the same bits on every CPU.
    case algebraic
    /// Uses sine, cosine, exponentials: the same bits on one CPU type and C library.
    case transcendental
  }

  public let name: String
  /// One sentence that says what the method does, without a full stop.
  public let summary: String
  /// The formula, in plain text lines.
  public let formula: String
  public let inputs: Inputs
  public let signature: Signature
  public let parameters: [Parameter]
  /// The paper or tool that defines it; empty for a primitive.
  public let source: String
  /// Where Weir departs from the source, a sentence each.
  public let differs: [String]
  /// How often an input is read, for people: `1`, `2 (tensor statistics)`.
  public let reads: String
  public let numerics: Numerics
  /// Whether it is a building block rather than a published recipe.
  public let isPrimitive: Bool
  /// The body of a node that uses it, as JSON.
  public let example: String

  public init(
    name: String, summary: String, formula: String, inputs: Inputs, signature: Signature, parameters: [Parameter] = [],
    source: String = "", differs: [String] = [], reads: String = "1", numerics: Numerics = .algebraic,
    isPrimitive: Bool = false, example: String
  ) {
    self.name = name
    self.summary = summary
    self.formula = formula
    self.inputs = inputs
    self.signature = signature
    self.parameters = parameters
    self.source = source
    self.differs = differs
    self.reads = reads
    self.numerics = numerics
    self.isPrimitive = isPrimitive
    self.example = example
  }

  public subscript(parameter name: String) -> Parameter? { parameters.first { $0.name == name } }
}
