/// A way to make a task vector small: a method whose result is what the archive stores, element for element.
///
/// A codec's arithmetic is here: what is kept, and with which scale. How the numbers become bytes is the archive's matter,
/// which packs them exactly: applying an archive adds `merge`'s value to the base.
public protocol Codec: Method {}

/// Every codec that an output can name.
public enum CodecRegistry {
  public static let all: [any Codec.Type] = [
    ComPEFT.self, Lossless.self, BitDelta.self, SeededSign.self, DareDelta.self, LowRank.self, SparseDelta.self,
    DenseDelta.self,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.declaration.name, $0) })

  /// The codec of a name.
  public static func codec(named name: String) -> (any Codec.Type)? { byName[name] }

  public static func declaration(named name: String) -> MethodDeclaration? { byName[name]?.declaration }

  /// All names, in the order of ``all``.
  public static var names: [String] { all.map { $0.declaration.name } }
}
