public import WeirTensors

/// A number that may vary from tensor to tensor.
public enum NumberValue: Hashable, Sendable {
  case constant(Double)
  /// Equally spaced values over the layers of a tensor's own stack, linear in between; a tensor in no layer takes the
  /// first before them and the last after them, or `outside` where that is given.
  case ramp([Double], outside: Double? = nil)
  /// The first rule that matches a tensor's name holds.
  case rules([NumberRule])
  /// One number per tensor, found rather than given.
  case table([String: Double])

  /// The number for one tensor; `nil` where no rule matches its name.
  public func resolve(name: String, placement: LayerPlacement) -> Double? {
    switch self {
    case .constant(let number): number
    case .ramp(let values, let outside): Self.interpolate(values, placement, outside: outside)
    case .rules(let rules): rules.first { $0.matches(name) }?.value.resolve(name: name, placement: placement)
    case .table(let numbers): numbers[name]
    }
  }

  /// Whether every tensor has the same number.
  public var constant: Double? {
    if case .constant(let number) = self { number } else { nil }
  }

  /// Whether there is a number for every name, whatever it is.
  public var holdsForAll: Bool {
    guard case .rules(let rules) = self else { return true }
    return rules.contains { $0.glob?.matchesAll ?? true }
  }

  /// Every number that a tensor's value may be, or lies between.
  public var numbers: [Double] {
    switch self {
    case .constant(let number): [number]
    case .ramp(let values, let outside): values + (outside.map { [$0] } ?? [])
    case .rules(let rules): rules.flatMap(\.value.numbers)
    case .table(let numbers): Array(numbers.values)
    }
  }

  /// Reads m values at layer i of L: `s = i / (L − 1) · (m − 1)`, linear between the values on either side of s.
  ///
  /// A stack of one layer takes the last value.
  private static func interpolate(
    _ values: [Double], _ placement: LayerPlacement, outside: Double?
  ) -> Double? {
    guard let first = values.first, let last = values.last else { return nil }
    switch placement {
    case .before: return outside ?? first
    case .after: return outside ?? last
    case .layer(let index, let count):
      guard count > 1, index < count - 1 else { return last }
      let step = Double(index) / Double(count - 1) * Double(values.count - 1)
      let low = min(Int(step), values.count - 1)
      let high = min(low + 1, values.count - 1)
      let fraction = step - Double(low)
      return (1 - fraction) * values[low] + fraction * values[high]
    }
  }
}

/// One entry of an array of rules: a constant or a ramp for the tensors that a glob matches.
public struct NumberRule: Hashable, Sendable {
  /// The names that it holds for; `nil` for all.
  public let glob: Glob?
  /// Never rules again.
  public let value: NumberValue
  public let position: Position

  public init(glob: Glob?, value: NumberValue, position: Position) {
    self.glob = glob
    self.value = value
    self.position = position
  }

  public func matches(_ name: String) -> Bool { glob?.matches(name) ?? true }
}
