internal import WeirIO
internal import WeirTensors

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What ternary tensors keep, and the fewest bits in which that could be said without knowing where it is likely.
///
///     entropy = n · (h(k) + k) bits    k the share that is kept, h(k) = −k log₂ k − (1−k) log₂ (1−k), a sign for each
public struct KeptDensity: Hashable, Sendable {
  /// Elements that are kept, by the tensor's place in the archive; tensors that cannot be decoded without the base, or are
  /// not ternary, are left out.
  public let kept: [Int: Int]
  public let keptCount: Int
  public let elementCount: Int
  /// Bytes of the tensors that were counted.
  public let byteCount: Int

  /// The share of all elements that is kept.
  public var density: Double { elementCount == 0 ? 0 : Double(keptCount) / Double(elementCount) }

  /// Bits of the tensors' blocks for each bit of their entropy; `nil` where nothing is kept.
  public var shareOfEntropy: Double? {
    let bits = Self.entropy(density) * Double(elementCount)
    return bits > 0 ? Double(byteCount) * 8 / bits : nil
  }

  /// Bits per element.
  static func entropy(_ density: Double) -> Double {
    guard density > 0 else { return 0 }
    guard density < 1 else { return 1 }
    return -density * log2(density) - (1 - density) * log2(1 - density) + density
  }
}

/// What one thread decodes into.
private final class DecodingMemory {
  let planes: PlaneBuffer

  init() throws(CheckpointError) { planes = try PlaneBuffer() }
}

extension ArchiveInspection {
  /// The blocks that can be decoded without a base.
  private var ternaryBlocks: [(tensor: Int, block: Int)] {
    archive.tensors.enumerated().flatMap { place, tensor -> [(tensor: Int, block: Int)] in
      switch tensor.codec {
      case .ternary, .ternaryPlane: tensor.blocks.indices.map { (place, $0 - tensor.blocks.lowerBound) }
      default: []
      }
    }
  }

  /// Bytes that counting reads.
  public var ternaryByteCount: Int {
    Set(ternaryBlocks.map(\.tensor)).reduce(0) { $0 + byteCount(of: archive.tensors[$1]) }
  }

  /// Decodes the ternary tensors and counts what they keep.
  ///
  /// - Parameters:
  ///   - threads: how many decode at once.
  ///   - progress: counts what is read.
  ///   - report: called a few times a second on the caller's thread.
  /// - Throws: ``PipelineError`` of kind `run` where a block is damaged or cannot be read, `interrupted`.
  public mutating func countKept(
    threads: Int, progress: Progress, report: () -> Void = {}
  ) throws(PipelineError) {
    let (archive, blocks) = (archive, ternaryBlocks)
    let kept = try PieceCrew.run(
      count: blocks.count, threads: threads, into: [Int: Int](), progress: progress, report: report,
      absorb: { (total, piece, found: Int) in total[blocks[piece].tensor, default: 0] += found },
      makeWork: {
        var memory: DecodingMemory?
        return { (reader, piece) throws(PipelineError) in
          try Plan.run { () throws(CheckpointError) in
            let room: DecodingMemory
            if let memory { room = memory } else { room = try DecodingMemory() }
            memory = room
            return try Self.kept(
              in: archive, archive.tensors[blocks[piece].tensor], blocks[piece].block, &reader, room.planes, progress)
          }
        }
      })
    try Plan.run { () throws(CheckpointError) in try archive.file.checkIntact() }
    let counted = Set(blocks.map(\.tensor)).sorted()
    density = KeptDensity(
      kept: kept, keptCount: kept.values.reduce(0, +),
      elementCount: counted.reduce(0) { $0 + archive.tensors[$1].info.elementCount }, byteCount: ternaryByteCount)
  }

  /// The elements that a block keeps.
  private static func kept(
    in archive: Archive, _ tensor: ArchiveTensor, _ number: Int, _ reader: inout WindowReader,
    _ planes: borrowing PlaneBuffer, _ progress: Progress
  ) throws(CheckpointError) -> Int {
    guard let place = tensor.place(ofBlock: number) else { return 0 }
    let block = tensor.blocks.lowerBound + number
    let bytes = try unsafe reader.open(archive.file, archive.blocks[block], slot: 0)
    progress.addRead(bytes.count)
    try unsafe archive.check(bytes, block: block)
    do throws(CheckpointError) {
      // SAFETY: the window holds the block until the next one.
      try unsafe TernaryCodec.decode(bytes, place, codec: tensor.codec, base: nil, into: planes)
    } catch {
      throw archive.naming(error, block: block)
    }
    // SAFETY: the planes hold `count` bits, and zeros after them to the end of the last word.
    return (0..<(place.count + 63) / 64).reduce(0) { unsafe $0 + planes.mask[$1].nonzeroBitCount }
  }
}
