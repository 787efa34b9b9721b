/// The named tensors of a source or an output, in the order in which they are stored.
public struct Catalogue: Sendable {
  public let tensors: [TensorInfo]
  private let positions: [String: Int]

  /// Number of layers of each stack: highest index + 1, by the prefix before a name's first all-digit part.
  public let layerCounts: [String: Int]

  /// The place in ``tensors`` of the first that lies in a layer; their number where none does.
  let firstLayered: Int

  /// Makes a catalogue; of two tensors with one name the first wins, so callers refuse duplicates before.
  public init(_ tensors: [TensorInfo]) {
    self.tensors = tensors
    positions = Dictionary(
      tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var counts: [String: Int] = [:]
    var first = tensors.count
    for (place, tensor) in tensors.enumerated() {
      guard let layer = LayerPosition(name: tensor.name) else { continue }
      first = min(first, place)
      counts[layer.stack] = max(counts[layer.stack] ?? 0, layer.index + 1)
    }
    layerCounts = counts
    firstLayered = first
  }

  public subscript(name: String) -> TensorInfo? { positions[name].map { tensors[$0] } }

  /// The place of a name in ``tensors``.
  public func position(of name: String) -> Int? { positions[name] }

  /// Bytes of all tensors' data. Cannot overflow: opening a checkpoint limits them to 2^50.
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Elements of all tensors.
  public var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }
}
