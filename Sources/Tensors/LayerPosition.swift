/// Where a tensor stands in a stack of layers: `model.layers.12.mlp.up_proj.weight` is layer 12 of `model.layers`.
public struct LayerPosition: Hashable, Sendable {
  /// The part of the name before its first all-digit part, without the dot.
  public let stack: String
  public let index: Int
  /// What follows the layer number, without the dot; empty if nothing does.
  public let rest: String

  /// Finds the first all-digit part of `name`; `nil` where there is none or it exceeds a million.
  public init?(name: String) {
    let bytes = name.utf8
    var start = bytes.startIndex
    while true {
      // One walk over the part that begins at `start`, without making it a string: opening calls this for every tensor.
      var place = start
      var value = 0
      var isNumber = false
      while place < bytes.endIndex, bytes[place] != UInt8(ascii: ".") {
        let digit = bytes[place] &- 48
        isNumber = digit < 10 && (isNumber || place == start)
        value = isNumber ? min(value * 10 + Int(digit), 1_000_000) : 0
        place = bytes.index(after: place)
      }
      if isNumber {
        guard value < 1_000_000 else { return nil }
        index = value
        stack = start == bytes.startIndex ? "" : String(name[..<bytes.index(before: start)])
        rest = place == bytes.endIndex ? "" : String(name[bytes.index(after: place)...])
        return
      }
      guard place < bytes.endIndex else { return nil }
      start = bytes.index(after: place)
    }
  }

  /// The name of the same tensor in layer `index`.
  public func name(atLayer index: Int) -> String {
    [stack, String(index), rest].filter { !$0.isEmpty }.joined(separator: ".")
  }
}
