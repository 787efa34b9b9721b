internal import WeirTensors

/// The one magnitude that codecs without values of their own give to what they keep.
enum CodecScale {
  /// What a scale is shared by.
  enum Extent: String, CaseIterable { case model, tensor, row }

  static let alpha = Parameter.number(
    "alpha", in: Parameter.Bounds(0, .infinity, lowerIsOpen: true, upperIsOpen: true), default: 1,
    "factor on the scale; 0.5 to 12 is worth searching")

  static func parameter(_ extents: [Extent], default standard: String) -> Parameter {
    .choice(
      "scale_scope", of: (standard == "auto" ? ["auto"] : []) + extents.map(\.rawValue), default: standard,
      "what shares one scale")
  }

  /// `Σ value` over an extent, in Double.
  static func total(_ value: Value, over extent: Extent, of merge: Merge, for purpose: String) -> Value {
    switch extent {
    case .model: merge.totalOverModel(value, for: purpose)
    case .tensor: WeirOps.total(value, over: .tensor)
    case .row: WeirOps.total(value, over: .row)
    }
  }

  /// Elements of an extent.
  static func count(_ extent: Extent, of merge: Merge) -> Double {
    switch extent {
    case .model: Double(merge.modelElementCount)
    case .tensor: Double(merge.tensor.elementCount)
    case .row: Double(merge.tensor.shape.rowLength)
    }
  }

  /// `Σ|δ| / n`, the mean magnitude of all elements of an extent.
  static func meanMagnitude(_ delta: Value, over extent: Extent, of merge: Merge) -> Value {
    total(magnitude(delta), over: extent, of: merge, for: "magnitude") / max(1, count(extent, of: merge))
  }

  /// The unbiased standard deviation of all elements of an extent, zeros included.
  static func deviation(_ delta: Value, over extent: Extent, of merge: Merge) -> Value {
    let sum = total(delta, over: extent, of: merge, for: "sum")
    let squares: Value
    switch extent {
    case .model: squares = merge.dotOverModel(delta, delta, for: "squares")
    case .tensor: squares = dot(delta, delta)
    case .row: squares = dot(delta, delta, over: .row)
    }
    let count = count(extent, of: merge)
    let variance = (squares - sum * sum / max(1, count)) / max(1, count - 1)
    return squareRoot(maximum(variance, 0))
  }
}
