public import WeirOps
public import WeirTensors

/// How an archive is made: which codec each tensor gets, what it applies to, how large it may become.
public struct ArchiveSpec: Sendable {
  /// In order; the first that matches holds, and the last matches every name.
  public let rules: [CodecRule]
  /// The source that the archive applies to: a checkpoint of weights.
  ///
  /// A weight always has one, from which it is subtracted; a delta may lack it.
  public internal(set) var base: Reference?
  /// The most bytes of the whole file; `nil` leaves the size to the rules.
  public let targetBytes: Int?
  /// Whether the text names a base that is none: that has been reported.
  let hasBadBase: Bool

  /// What the names of archives end in.
  public static let suffix = ".tv.safetensors"

  /// The rule of a tensor, by its name before the output's own renaming.
  public func rule(for name: String) -> CodecRule? { rules.first { $0.glob?.matches(name) ?? true } }
}

/// One rule of an archive: a codec and its parameters for the tensors that a glob matches.
public struct CodecRule: Sendable {
  /// The names that it holds for; `nil` for all.
  public let glob: Glob?
  public let codec: MethodDeclaration
  /// The values that the pipeline gives; what is absent has the declaration's default.
  public let parameters: [String: ParameterValue]
  public let position: Position

  /// Whether `target_size` may choose its density.
  var hasFreeDensity: Bool { codec[parameter: "density"] != nil && parameters["density"] == nil }
}
