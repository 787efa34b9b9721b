/// Where a tensor stands in a stack of layers: `model.layers.12.mlp.up_proj.weight` is layer 12 of `model.layers`.
public struct LayerPosition: Hashable, Sendable {
  /// The part of the name before its first all-digit part, without the dot.
  public let stack: String
  public let index: Int
  /// What follows the layer number, without the dot; empty if nothing does.
  public let rest: String

  /// Finds the first all-digit part of `name`; `nil` where there is none or it exceeds a million.
  public init?(name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard
      let place = parts.firstIndex(where: { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let index = Int(parts[place]), index < 1_000_000
    else { return nil }
    stack = parts[..<place].joined(separator: ".")
    self.index = index
    rest = parts[(place + 1)...].joined(separator: ".")
  }

  /// The name of the same tensor in layer `index`.
  public func name(atLayer index: Int) -> String {
    [stack, String(index), rest].filter { !$0.isEmpty }.joined(separator: ".")
  }
}
