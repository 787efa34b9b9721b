/// One named parameter of a method: the parser, the help, the schema and the reference page all read this.
public struct Parameter: Hashable, Sendable {
  /// What a value of the parameter may be.
  public enum Kind: Hashable, Sendable {
    /// A number within bounds; a pipeline may vary it over layers and names.
    case number(Bounds)
    /// A whole number within bounds, the same for every tensor.
    case integer(ClosedRange<Int>)
    case flag
    case choice([String])
    /// The name of what holds, for every tensor that is merged, one of its name and shape; a number stands for those that
    /// it lacks, or it must lack none.
    case tensors(missing: Double?)
    /// The name of a source of coefficients: a few numbers for each model and tensor.
    case coefficients
  }

  /// A constant as the declaration states it.
  public enum Constant: Hashable, Sendable, CustomStringConvertible {
    case number(Double)
    case flag(Bool)
    case choice(String)
    /// No tensors.
    case nothing

    public var description: String {
      switch self {
      case .number(let number): number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
      case .flag(let flag): "\(flag)"
      case .choice(let word): word
      case .nothing: "none"
      }
    }
  }

  /// An interval of numbers, each end open or closed.
  public struct Bounds: Hashable, Sendable, CustomStringConvertible {
    public let lower: Double
    public let upper: Double
    public let lowerIsOpen: Bool
    public let upperIsOpen: Bool

    public init(_ lower: Double, _ upper: Double, lowerIsOpen: Bool = false, upperIsOpen: Bool = false) {
      self.lower = lower
      self.upper = upper
      self.lowerIsOpen = lowerIsOpen
      self.upperIsOpen = upperIsOpen
    }

    /// Every finite number.
    public static let any = Bounds(-.infinity, .infinity, lowerIsOpen: true, upperIsOpen: true)
    /// `[0, 1]`.
    public static let fraction = Bounds(0, 1)
    /// Every finite number from 0.
    public static let nonNegative = Bounds(0, .infinity, upperIsOpen: true)

    public func contains(_ number: Double) -> Bool {
      (lowerIsOpen ? number > lower : number >= lower) && (upperIsOpen ? number < upper : number <= upper)
    }

    public var description: String {
      func text(_ number: Double) -> String {
        number.isInfinite ? (number < 0 ? "-∞" : "∞") : "\(Constant.number(number))"
      }
      return "\(lowerIsOpen ? "(" : "[")\(text(lower)), \(text(upper))\(upperIsOpen ? ")" : "]")"
    }
  }

  public let name: String
  public let kind: Kind
  /// Used where the pipeline says nothing; a parameter without a default is required.
  public let standard: Constant?
  /// Whether it belongs to each entry of `models`; on the node itself it is then the value for all entries that lack it.
  public let isPerModel: Bool
  /// One sentence for people, without a full stop.
  public let summary: String

  private init(_ name: String, _ kind: Kind, _ standard: Constant?, perModel: Bool, _ summary: String) {
    self.name = name
    self.kind = kind
    self.standard = standard
    isPerModel = perModel
    self.summary = summary
  }

  public static func number(
    _ name: String, in bounds: Bounds = .any, default standard: Double? = nil, perModel: Bool = false, _ summary: String
  ) -> Parameter {
    Parameter(name, .number(bounds), standard.map(Constant.number), perModel: perModel, summary)
  }

  public static func integer(
    _ name: String, in bounds: ClosedRange<Int>, default standard: Int? = nil, _ summary: String
  ) -> Parameter {
    Parameter(name, .integer(bounds), standard.map { .number(Double($0)) }, perModel: false, summary)
  }

  public static func flag(_ name: String, default standard: Bool, _ summary: String) -> Parameter {
    Parameter(name, .flag, .flag(standard), perModel: false, summary)
  }

  public static func choice(
    _ name: String, of words: [String], default standard: String?, _ summary: String
  ) -> Parameter {
    Parameter(name, .choice(words), standard.map(Constant.choice), perModel: false, summary)
  }

  /// A parameter whose value is a source or node, read beside the models tensor by tensor.
  ///
  /// - Parameter missing: what stands for every element of a tensor that it lacks; `nil` where it must lack none.
  public static func tensors(
    _ name: String, missing: Double? = nil, optional: Bool = false, perModel: Bool = false, _ summary: String
  ) -> Parameter {
    Parameter(name, .tensors(missing: missing), optional ? .nothing : nil, perModel: perModel, summary)
  }

  /// A parameter whose value is a source of coefficients.
  public static func coefficients(_ name: String, _ summary: String) -> Parameter {
    Parameter(name, .coefficients, nil, perModel: false, summary)
  }
}
