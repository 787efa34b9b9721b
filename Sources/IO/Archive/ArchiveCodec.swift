/// How a tensor's blocks are coded in an archive; the raw values are those of the file.
public enum ArchiveCodec: UInt8, CaseIterable, Hashable, Sendable {
  /// The result has the base's bytes; there are no blocks.
  case same = 0
  /// The result's own bytes, compressed or not; for tensors that have no delta.
  case stored = 1
  /// The delta's values, plain.
  case dense = 2
  /// 0 or a signed scale; which are kept is coded by density classes.
  case ternary = 3
  /// 0 or a signed scale; which are kept is a bit plane in a zstd frame.
  case ternaryPlane = 4
  /// 0 or a signed scale; which are kept is coded by density classes of row and base exponent.
  case ternaryContext = 5
  /// A signed scale everywhere.
  case sign = 6
  /// A signed scale where a seeded random mask keeps.
  case seeded = 7
  /// Values where a seeded random mask keeps.
  case dare = 8
  /// A few values and their places.
  case sparse = 9
  /// The exact difference in units of the last place.
  case lossless = 10
  /// The factors of a matrix of low rank.
  case lowrank = 11
}
