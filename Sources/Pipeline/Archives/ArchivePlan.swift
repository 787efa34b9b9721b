internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What an archive will hold, tensor by tensor: everything that headers and the pipeline can tell.
struct ArchivePlan: Sendable {
  /// One tensor.
  struct Tensor: Sendable {
    /// The result: its name in the archive, the type and shape of the tuned tensor.
    let info: TensorInfo
    let content: Content
    /// The tensor of the base that it applies to.
    let base: Operand?
  }

  /// What a tensor's blocks are made from.
  enum Content: Sendable {
    /// The base's tensor is kept.
    case same
    /// The bytes of the result, that of a value under a name, coded exactly.
    case exact(ValueIndex, name: String, ExactCoding)
    /// Numbers that a codec's node prepares, added to the base to give the result.
    case prepared(ValueIndex, name: String, PreparedCoding)
  }

  enum ExactCoding: Sendable { case stored, lossless, sparse }

  enum PreparedCoding: Sendable {
    /// One of the ternary codings; `nil` takes the smallest, tensor by tensor.
    case ternary(ArchiveCodec?)
    case sign
    case seeded(SeededMask)
    case dare(SeededMask)
    case sparse
    case dense(DType)
    case lowrank(LowRankChoice)

    /// Whether blocks are coded as bit planes.
    var isPlanes: Bool {
      switch self {
      case .ternary, .sign, .seeded: true
      case .dare, .sparse, .dense, .lowrank: false
      }
    }
  }

  let kind: ArchiveKind
  let tensors: [Tensor]
  /// The source that the archive applies to.
  let base: Int?
  /// The source whose files are kept, where a whole checkpoint is archived.
  let tuned: Int?
  /// What is said about it all in the metadata.
  let facts: [(key: String, value: String)]
  /// Bytes that the file is expected to have, before anything is read.
  let expectedBytes: Int
  /// The most bytes that the file may have, and the nodes whose densities are chosen for that.
  let budget: (bytes: Int, nodes: [Int])?

  /// Whether applying it gives tensors, and not only a change of a base that is not there.
  var hasResults: Bool { kind != .delta || base != nil }

  /// The values that are computed, each once.
  var values: [ValueIndex] {
    var seen: [ValueIndex] = []
    for tensor in tensors {
      guard let value = tensor.value, !seen.contains(value) else { continue }
      seen.append(value)
    }
    return seen
  }
}

/// How the rank of a low-rank tensor is chosen.
struct LowRankChoice: Hashable, Sendable {
  /// 0 leaves it to the energy.
  let rank: Int
  let energy: Double
  let isInt8: Bool
}

extension ArchivePlan.Tensor {
  /// What is evaluated for it.
  var value: ValueIndex? {
    switch content {
    case .same: nil
    case .exact(let value, _, _), .prepared(let value, _, _): value
    }
  }

  /// The name under which it is evaluated.
  var valueName: String {
    switch content {
    case .same: info.name
    case .exact(_, let name, _), .prepared(_, let name, _): name
    }
  }

  /// The type in which its value is computed into a worker's block.
  var computedInfo: TensorInfo {
    guard case .prepared = content else { return info }
    return TensorInfo(name: info.name, dtype: .f32, shape: info.shape)
  }

  /// Units of work: its blocks, or all of it where a codec needs the whole tensor at once.
  var unitCount: Int {
    if case .prepared(_, _, .lowrank) = content { return info.elementCount == 0 ? 0 : 1 }
    return BlockPlace.blockCount(of: info.shape)
  }
}
