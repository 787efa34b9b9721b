internal import WeirIO
internal import WeirTensors

/// A tensor of an archive as an operand: it is decoded block by block where it is read.
struct CodedTensor: Sendable {
  /// What a block decodes to.
  enum Form: Hashable, Sendable {
    /// Bit planes: 0 or a signed scale. A delta.
    case planes
    /// Float32 numbers. A delta.
    case values
    /// The result's own bytes.
    case elements
  }

  let archive: Archive
  /// Its place in the archive.
  let index: Int
  /// Where the bytes of the base's tensor are, which some codecs decode against.
  let base: (file: InputFile, bytes: Range<Int>)?

  var tensor: ArchiveTensor { archive.tensors[index] }

  var form: Form { tensor.form }

  /// Elements of every block but the last.
  var blockLength: Int { tensor.blockLength }

  /// Bytes of a decoded element; planes take a quarter of a byte and their scales.
  var elementBytes: Int { form == .elements ? tensor.info.dtype.byteCount : 4 }

  /// Bytes that a worker holds while it reads the tensor: a decoded block, what it was decoded from, and what decoding takes.
  var heldBytes: Int {
    let count = min(blockLength, tensor.info.elementCount)
    let decoded = form == .planes ? count / 2 + (1 << 20) : count * elementBytes
    return 2 * decoded + (tensor.readsBase ? 2 * count * tensor.info.dtype.byteCount : 0)
  }
}

extension ArchiveTensor {
  /// What its blocks decode to.
  var form: CodedTensor.Form {
    switch codec {
    case .ternary, .ternaryPlane, .ternaryContext, .sign, .seeded: .planes
    case .dense, .dare, .lowrank: .values
    case .sparse: coding == .sparse(isExact: true) ? .elements : .values
    case .same, .stored, .lossless: .elements
    }
  }

  /// Whether blocks are decoded against the base's bytes.
  var readsBase: Bool {
    codec == .lossless || codec == .ternaryContext || coding == .sparse(isExact: true)
  }
}
