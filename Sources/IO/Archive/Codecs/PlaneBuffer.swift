internal import CCodecs

/// A block whose elements are 0 or a signed scale, as two bit planes and its scales; reused between blocks.
///
///     value of element i = kept i ? (negative i ? -scale : scale) : 0
///
/// Element i of the block is bit i % 64 of word i / 64. Bits after the last element are 0, and so are the signs of elements
/// that are not kept. There is one scale, or one per segment (``BlockPlace/segment(_:)``). A fresh buffer holds no block.
///
/// Memory: address space for the largest block, of which pages are taken when they are first needed: 128 KiB for the planes,
/// 4 bytes per scale, and up to 1 MiB that decoding works in, most of it tables that serve the blocks after.
///
/// The memory has one owner, so a buffer may move to another thread; hence `@unchecked Sendable`.
@safe
public struct PlaneBuffer: ~Copyable, @unchecked Sendable {
  private static let wordBytes = BlockPlace.maximumCount / 8
  private static let scaleBytes = BlockPlace.maximumCount * 4
  /// Where mask, signs, scales and the decoder's own memory begin; the first page holds the C structure.
  private static let maskStart = AlignedBuffer.alignment
  private static let signStart = maskStart + wordBytes
  private static let scaleStart = signStart + wordBytes
  private static let workStart = scaleStart + scaleBytes
  private static let workBytes = Int(WEIR_TERNARY_DECODE_BYTES)

  /// The most memory that one buffer takes.
  public static let byteCount = workStart + workBytes

  private let memory: AlignedBuffer
  private let header: UnsafeMutablePointer<weir_planes>

  /// Reserves address space for the largest block.
  public init() throws(CheckpointError) {
    let memory = try AlignedBuffer(byteCount: Self.byteCount)
    // SAFETY: the parts lie one after the other within `byteCount` bytes, each on a page; the mapping is zero at first,
    // and it stays where it is when its owner moves.
    unsafe header = memory.bytes.baseAddress.unsafelyUnwrapped.bindMemory(to: weir_planes.self, capacity: 1)
    unsafe header.pointee = weir_planes(
      mask: Self.part(of: memory, Self.maskStart, Self.wordBytes, as: UInt64.self),
      sign: Self.part(of: memory, Self.signStart, Self.wordBytes, as: UInt64.self),
      scales: Self.part(of: memory, Self.scaleStart, Self.scaleBytes, as: Float.self), scale_count: 1, is_per_row: 0)
    self.memory = memory
  }

  private static func part<Element>(
    of memory: borrowing AlignedBuffer, _ start: Int, _ byteCount: Int, as type: Element.Type
  ) -> UnsafeMutablePointer<Element> {
    // SAFETY: `init` passes parts of the mapping that do not overlap, aligned to pages.
    unsafe memory.bytes.baseAddress.unsafelyUnwrapped.advanced(by: start)
      .bindMemory(to: type, capacity: byteCount / MemoryLayout<Element>.stride)
  }

  /// One bit per element: kept. Valid while the buffer lives and until the next decode.
  public var mask: UnsafePointer<UInt64> {
    // SAFETY: the header lives in the mapping that this buffer owns.
    unsafe UnsafePointer(header.pointee.mask)
  }

  /// One bit per element: negative, and kept. Valid while the buffer lives and until the next decode.
  public var sign: UnsafePointer<UInt64> {
    // SAFETY: as for `mask`.
    unsafe UnsafePointer(header.pointee.sign)
  }

  /// ``scaleCount`` scales, none negative, all finite. Valid while the buffer lives and until the next decode.
  public var scales: UnsafePointer<Float> {
    // SAFETY: as for `mask`.
    unsafe UnsafePointer(header.pointee.scales)
  }

  /// How many scales there are: one, or one per segment where ``isPerRow``.
  public var scaleCount: Int {
    // SAFETY: as for `mask`.
    unsafe Int(header.pointee.scale_count)
  }

  /// Whether every segment has its own scale.
  public var isPerRow: Bool {
    // SAFETY: as for `mask`.
    unsafe header.pointee.is_per_row != 0
  }

  /// The planes as the coders in C take them.
  var planes: UnsafeMutablePointer<weir_planes> { unsafe header }

  /// What decoders work in; theirs alone, so that the tables which they build in it stay.
  var work: UnsafeMutableRawPointer {
    // SAFETY: the part ends where the mapping does.
    unsafe memory.bytes.baseAddress.unsafelyUnwrapped.advanced(by: Self.workStart)
  }

  /// The plane of kept elements, for coders in Swift.
  var mutableMask: UnsafeMutablePointer<UInt64> {
    // SAFETY: as for `mask`.
    unsafe header.pointee.mask
  }

  /// Writes elements of the block as numbers: 0, or the scale with its sign.
  ///
  /// - Parameters:
  ///   - range: elements, counted from the block's first.
  ///   - place: the place that the block was decoded for.
  ///   - values: room for `range.count` elements.
  public func expand(_ range: Range<Int>, of place: BlockPlace, into values: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= place.count, "elements of the block")
    var block = place.block
    // SAFETY: the range lies within the planes, and the caller gives room for it.
    unsafe weir_planes_expand(&block, header, UInt32(range.lowerBound), UInt32(range.count), values)
  }
}
