/// One hash for the contents of many tensors, whatever order they are stored in.
public enum Fingerprint {
  /// The hash of the tensors' hashes, one after the other in the order of the bytes of their names.
  public static func of(_ tensors: some Sequence<(name: String, hash: Hash128)>) -> Hash128 {
    Hash128(of: tensors.sorted { $0.name.precedesByBytes($1.name) }.map(\.hash))
  }
}
