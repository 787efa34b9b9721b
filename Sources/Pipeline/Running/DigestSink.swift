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
  /// Also the smallest block of a run with a digest, so that pieces are hashed where they lie.
  static let pieceBytes = TensorHasher.pieceByteCount

  private let map: BlockMap
  private let tensors: [TensorInfo]
  private let hasher: TensorHasher

  init(_ map: BlockMap, _ tensors: [TensorInfo]) {
    self.map = map
    self.tensors = tensors
    hasher = TensorHasher(byteCounts: tensors.map(\.byteCount))
  }

  func write(_ buffer: borrowing AlignedBuffer, block: BlockMap.Block, number: Int) throws(CheckpointError) {
    let tensor = block.tensors.lowerBound
    // SAFETY: the block fills the buffer from its start.
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<block.range.count])
    unsafe hasher.add(bytes, of: tensor, at: block.range.lowerBound - map.offsets[tensor])
  }

  func finish() -> Digest {
    let named = tensors.enumerated().compactMap { place, tensor in
      hasher.hash(of: place).map { (name: tensor.name, hash: $0) }
    }
    return Digest(tensors: named, total: Fingerprint.of(named))
  }
}
