public import WeirTensors

/// How a tensor is coded: its codec, with what the codec's blocks do not say themselves.
public enum ArchiveCoding: Hashable, Sendable {
  case same
  case stored
  /// Values of the delta, F32 or BF16.
  case dense(DType)
  case ternary
  case ternaryPlane
  case ternaryContext
  case sign
  case seeded(SeededMask)
  case dare(SeededMask)
  /// A few values of the delta; or, exact, those elements of the result that differ from the base's.
  case sparse(isExact: Bool)
  case lossless
  /// Factors of a rank, from 1 on.
  case lowrank(rank: Int)

  /// The codec, as numbered in the file.
  public var codec: ArchiveCodec {
    switch self {
    case .same: .same
    case .stored: .stored
    case .dense: .dense
    case .ternary: .ternary
    case .ternaryPlane: .ternaryPlane
    case .ternaryContext: .ternaryContext
    case .sign: .sign
    case .seeded: .seeded
    case .dare: .dare
    case .sparse: .sparse
    case .lossless: .lossless
    case .lowrank: .lowrank
    }
  }

  /// What a planned coding has become, by the number of its codec; `nil` where it cannot have become that.
  func chosen(_ number: UInt8, rank: Int) -> ArchiveCoding? {
    if case .lowrank = self { return number == codec.rawValue && rank > 0 ? .lowrank(rank: rank) : nil }
    let ternary: [ArchiveCoding] = [.ternary, .ternaryPlane, .ternaryContext]
    return ([self] + (ternary.contains(self) ? ternary : [])).first { $0.codec.rawValue == number }
  }

  /// The mask of a seeded codec.
  public var mask: SeededMask? {
    switch self {
    case .seeded(let mask), .dare(let mask): mask
    default: nil
    }
  }

  /// Bytes of the index that say what blocks do not.
  var parameterByteCount: Int {
    switch self {
    case .seeded, .dare: 16
    case .lowrank: 4
    default: 0
    }
  }

  /// The blocks of elements that a tensor of `shape` has.
  func blockCount(of shape: Shape) -> Int { self == .same ? 0 : BlockPlace.blockCount(of: shape) }

  /// Whether a block for the whole tensor stands before those of elements.
  func hasSharedBlock(of shape: Shape) -> Bool { codec == .lowrank && shape.elementCount > 0 }

  /// The fewest and the most bytes that a block can have: generous, but a bound on what a file can make its reader take.
  func byteCounts(of place: BlockPlace) -> ClosedRange<Int> {
    switch self {
    case .same: return 0...0
    case .dense(let dtype):
      let count = place.count * dtype.byteCount
      return count...count
    case .lowrank(let rank): return 1...4096 + 8 * max(place.count, place.segmentCount * min(rank, place.rowLength))
    default: return 1...4096 + 8 * place.count
    }
  }

  /// The most bytes that the shared block of a tensor can have.
  func sharedByteCounts(of shape: Shape) -> ClosedRange<Int> {
    guard case .lowrank(let rank) = self else { return 0...0 }
    return 1...4096 + 8 * rank * shape.rowLength
  }

  /// What is wrong with coding a tensor so; `nil` where nothing is.
  func problem(_ tensor: TensorInfo, base: ArchiveBase?) -> (found: String, expected: String)? {
    let shape = tensor.shape
    switch self {
    case .same:
      guard let base, base.dtype == tensor.dtype, base.rowCount == nil else {
        return ("codec 'same' without such a base", "a base of the same type and shape")
      }
      return nil
    case .stored: return nil
    case .dense(let dtype):
      guard dtype == .f32 || dtype == .bf16 else { return ("dense values of \(dtype.rawValue)", "F32 or BF16") }
    case .seeded(let mask), .dare(let mask):
      guard mask.limit <= 1 << 53 else { return ("a mask's limit of \(mask.limit)", "at most 2^53") }
    case .lowrank(let rank):
      guard (1...max(1, min(shape.rowLength, shape.rowCount))).contains(rank) else {
        return ("rank \(rank) of shape \(shape)", "1 to the smaller side")
      }
      guard shape.rowLength <= BlockPlace.maximumCount else {
        return ("codec 11 for rows of \(shape.rowLength) elements", "at most \(BlockPlace.maximumCount)")
      }
      guard rank * shape.rowLength <= 1 << 28 else {
        return ("rank \(rank) of shape \(shape)", "a factor of at most 2^28 elements")
      }
    case .ternaryContext:
      guard base?.dtype == tensor.dtype else { return ("codec 5 without such a base", "a base of the same type") }
    case .lossless, .sparse(isExact: true):
      guard base == nil || base?.dtype == tensor.dtype else {
        return ("codec \(codec.rawValue) with another type of base", "a base of the same type")
      }
    case .ternary, .ternaryPlane, .sign, .sparse: break
    }
    switch tensor.dtype {
    case .f32, .f16, .bf16: return nil
    default: return ("codec \(codec.rawValue) for \(tensor.dtype.rawValue)", "'same' or 'stored'")
    }
  }
}

/// What an archive says of the tensor that one of its own applies to.
public struct ArchiveBase: Hashable, Sendable {
  public let dtype: DType
  /// Its first extent, where that differs from the tuned tensor's; `nil` where the shapes are equal.
  public let rowCount: Int?

  public init(dtype: DType, rowCount: Int? = nil) {
    self.dtype = dtype
    self.rowCount = rowCount
  }

  /// The base's shape beside a tuned tensor of `shape`; `nil` where there is no such.
  public func shape(beside shape: Shape) -> Shape? {
    guard let rowCount else { return shape }
    guard let first = shape.extents.first, first != rowCount else { return nil }
    return Shape([rowCount] + shape.extents.dropFirst())
  }
}
