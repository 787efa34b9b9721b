public import WeirIO
internal import WeirTensors

/// What an output that is only hashed comes to.
public struct Digest: Sendable {
  /// Each tensor's hash: that of the list of its 1 MiB pieces' hashes.
  public let tensors: [(name: String, hash: Hash128)]
  /// The hash of the tensors' hashes, sorted by the bytes of their names.
  public let total: Hash128
}

/// Hashes what would have been written.
final class DigestSink: BlockSink {
  /// Also the smallest block of a run with a digest, so that pieces are the same whatever the budget.
  static let pieceBytes = 1 << 20

  private let map: BlockMap
  private let tensors: [TensorInfo]
  private let pieces: Monitor<[[Hash128?]]>

  init(_ map: BlockMap, _ tensors: [TensorInfo]) {
    self.map = map
    self.tensors = tensors
    pieces = Monitor(
      tensors.map { Array(repeating: nil, count: ($0.byteCount + Self.pieceBytes - 1) / Self.pieceBytes) })
  }

  func write(_ buffer: borrowing AlignedBuffer, block: BlockMap.Block, number: Int) throws(CheckpointError) {
    let tensor = block.tensors.lowerBound
    let first = (block.range.lowerBound - map.offsets[tensor]) / Self.pieceBytes
    for (place, start) in stride(from: 0, to: block.range.count, by: Self.pieceBytes).enumerated() {
      let end = min(start + Self.pieceBytes, block.range.count)
      // SAFETY: the piece lies in the block, which fills the buffer from its start.
      let hash = unsafe Hash128(UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<end]))
      pieces.withLock { $0[tensor][first + place] = hash }
    }
  }

  func finish() -> Digest {
    let hashes = pieces.withLock { $0.map { pieces in Hash128(of: pieces.compactMap { $0 }) } }
    let named = zip(tensors.map(\.name), hashes).map { (name: $0, hash: $1) }
    let sorted = named.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    return Digest(tensors: named, total: Hash128(of: sorted.map(\.hash)))
  }
}
