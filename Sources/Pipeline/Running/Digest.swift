public import WeirIO
internal import WeirTensors

/// What an output that is only hashed comes to.
public struct Digest: Sendable {
  /// Each tensor's hash: that of the list of its 1 MiB pieces' hashes.
  public let tensors: [(name: String, hash: Hash128)]
  /// The hash of the tensors' hashes, sorted by the bytes of their names.
  public let total: Hash128
}

extension Digest {
  /// Also the smallest block of a run with a digest, so that pieces are hashed where they lie.
  static let pieceBytes = TensorHasher.pieceByteCount

  /// The digest of tensors all of whose bytes have been hashed.
  init(_ tensors: [TensorInfo], _ hasher: TensorHasher) {
    let named = tensors.enumerated().compactMap { place, tensor in
      hasher.hash(of: place).map { (name: tensor.name, hash: $0) }
    }
    self.init(tensors: named, total: Fingerprint.of(named))
  }
}
