/// A quantity that needs more than one tile to be known.
struct Statistic: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case sum(Int)
    case dot(Int, Int)
    /// The largest number; never of columns or the model.
    case maximum(Int)
    /// The threshold and cut that leave so many elements of the largest magnitude.
    case selection(Int, Quota)
    /// The number at a place, from 0, of all elements in ascending order.
    case order(Int, rank: Int)
  }

  let kind: Kind
  let scope: Scope
  /// For model scope: which statistic of which node, and which of the node's tensors contributes here.
  let model: ModelPlace?

  /// The nodes whose tiles are reduced.
  var operands: [Int] {
    switch kind {
    case .sum(let a), .maximum(let a), .selection(let a, _), .order(let a, _): [a]
    case .dot(let a, let b): [a, b]
    }
  }

  /// A statistic that is gathered with this one, as it says how many elements are to be kept.
  var companion: Int? {
    if case .selection(_, let quota) = kind, case .share(_, let zeros) = quota.count { return zeros }
    return nil
  }

  /// Whether it is found by counting keys in ever narrower intervals.
  var isSearched: Bool {
    switch kind {
    case .selection, .order: true
    case .sum, .dot, .maximum: false
    }
  }

  var extent: Extent {
    switch scope {
    case .row: .row
    case .column: .column
    case .tensor, .model: .scalar
    }
  }
}

/// How many elements a selection keeps, and which of equal ones.
struct Quota: Hashable, Sendable {
  enum Count: Hashable, Sendable {
    case fixed(Int)
    /// `Int(share · m)` of the m elements that are not zero; the statistic counts those that are.
    case share(Double, zeros: Int)
  }

  let count: Count
  var rule = SelectionRule.exactK
  /// Whether, of equal magnitudes, those of the highest indices are kept instead of the lowest.
  var keepsLastTies = false
}

/// Names a model-scope statistic across tensors: the node that asks, and what for.
public struct ModelStatisticKey: Hashable, Sendable {
  public let node: String
  /// What tells the node's statistics apart: `total`, `trim 0`.
  let purpose: String
}

/// A tensor's part in a model-scope statistic.
struct ModelPlace: Hashable, Sendable {
  let key: ModelStatisticKey
  /// The tensor's place among those that the node merges; −1 where it contributes nothing and only reads.
  let tensor: Int
  /// What the tensor's own sum is multiplied by.
  var scale = 1.0
}
