internal import WeirTensors

/// The names and numbers of the archive format.
enum ArchiveFormat {
  /// The version that is written, and the newest that is read.
  static let version = 1
  /// The oldest reader that reads what is written.
  static let minimumReader = 1

  /// What archives are called.
  static let suffix = ".tv.safetensors"
  /// The `format` of the metadata.
  static let format = "tva"

  static let indexName = "__tva_index__"
  static let shardPrefix = "__header__/"
  static let sideFilePrefix = "__file__/"
  static let codedSuffix = ".tva"
  static let denseSuffix = ".delta"

  static let magic: [UInt8] = Array("TVAINDEX".utf8)
  /// Bytes of the index before its table of names.
  static let headByteCount = 104
  /// Bytes of a block in the index.
  static let blockByteCount = 12
  /// Data begin at a multiple of this.
  static let alignment = 64

  /// The types by their numbers in the file.
  static let dtypes: [DType] = [
    .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .i64, .u64, .i32, .u32, .i16, .u16, .i8, .u8, .bool,
  ]

  /// The metadata that the container itself writes.
  enum Key {
    static let format = "format"
    static let version = "tva_version"
    static let minimumReader = "min_reader"
    static let index = "index"
    static let kind = "kind"
    static let codecs = "codecs"
    static let elementCount = "params"
    static let baseFingerprint = "base_fingerprint"
    static let resultFingerprint = "result_fingerprint"

    /// Those that say what the index says.
    static let checked = [format, index, kind, codecs, elementCount, baseFingerprint, resultFingerprint]
    static let all = Set(checked + [version, minimumReader])
  }
}
