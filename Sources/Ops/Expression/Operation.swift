/// How many numbers a value has: one, one per row, one per column, or one per element of the tensor.
public enum Extent: Hashable, Sendable {
  case scalar, row, column, element

  /// The extent of an operation on two values.
  func joined(_ other: Extent) -> Extent {
    if self == other || other == .scalar { return self }
    return self == .scalar ? other : .element
  }
}

/// What a statistic is taken over.
public enum Scope: Hashable, Sendable {
  case row, column, tensor, model
}

/// Which elements survive a selection by magnitude.
public enum SelectionRule: String, Hashable, Sendable, CaseIterable {
  /// Exactly k, ties to the lowest flat index.
  case exactK = "exact_k"
  /// All at or above the k-th largest magnitude.
  case threshold
}

/// The stream of random bits that decides which elements of one tensor of one model are kept.
public struct RandomMask: Hashable, Sendable {
  /// K2 of the generator: a function of seed, tensor name and model index.
  public let key: UInt64
  /// An element is kept where its 53 random bits are below this.
  public let limit: UInt64
}

/// How a tensor is cut into slices within which elements are ranked: along one axis.
struct Slices: Hashable, Sendable {
  /// Elements of a slice.
  let length: Int
  /// How far apart they are; as many slices lie between each other.
  let stride: Int

  /// Elements of slices that lie between each other, one after the other in the tensor.
  var group: Int { length * stride }
}

/// One node of an expression: operands are indices of earlier nodes.
enum Operation: Hashable, Sendable {
  enum Unary: Int32, Sendable {
    // The first eight are tile kernels, the next three roundings; the last two exist for statistics only.
    case negate, absolute, sign, squareRoot, direction, exponential, logarithm, hyperbolicTangent
    case roundF32, roundF16, roundBF16
    case sine, arccosine
  }

  enum Binary: Int32, Sendable {
    case add, subtract, multiply, divide, minimum, maximum, greater, atLeast, equal
  }

  /// Elements of an input tensor, by operand slot.
  case input(Int)
  case constant(bits: UInt64)
  /// One known number for each column.
  case columns([Double])
  case unary(Unary, Int)
  case binary(Binary, Int, Int)
  /// A base plus the change that was made from it: their sum, of which the base leaves exactly the change again.
  case restored(base: Int, delta: Int)
  /// `Σ [sgn vₖ = e]·vₖ` with `vₖ = wₖ·xₖ` and `e = +1 if Σ vₖ ≥ 0, else −1`; normalised, over `Σ [sgn vₖ = e]·wₖ`.
  case electedSum([Int], weights: [UInt64], normalize: Bool)
  /// The second where the first is not zero, else the third.
  case select(Int, Int, Int)
  /// The elements that a selection keeps, zero elsewhere.
  case trim(Int, statistic: Int)
  /// The elements that a random mask keeps, zero elsewhere.
  case drop(Int, RandomMask)
  /// An element's place, from 0, among the magnitudes of its slice in ascending order; of equal ones the first is the lowest.
  case ranked(Int, Slices)
  /// The random number of an element, in [0, 1), from the stream of a key.
  case random(key: UInt64)
  case statistic(Int)
  /// One of the numbers that a formula makes of others, none of which are elements.
  case formula(Formula, [Int], output: Int)
  /// The ranks, from 0 and ascending, of the numbers of a row or column value; of equal ones the first is the lowest.
  case ranks(Int)
}
