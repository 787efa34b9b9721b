internal import CCodecs
public import WeirTensors

/// Where a block lies in its tensor: what coder and decoder both know.
///
/// A block is up to 2¹⁹ consecutive elements of a tensor, cut at rows where a row is shorter. Rows are those of
/// ``Shape/rowLength``; the parts of rows inside a block are its segments.
public struct BlockPlace: Sendable, Hashable {
  /// The most elements that a block has.
  public static let maximumCount = 1 << 19

  /// The index in the tensor of the block's first element.
  public let first: Int
  /// The block's elements, 1 to ``maximumCount``.
  public let count: Int
  /// The elements of a row of the tensor, at least 1.
  public let rowLength: Int
  /// The stored type of the tuned tensor and of the base.
  public let dtype: DType

  public init(first: Int, count: Int, rowLength: Int, dtype: DType) {
    precondition(first >= 0 && rowLength >= 1, "a block lies in a tensor that has rows")
    precondition((1...Self.maximumCount).contains(count), "a block has 1 to 2^19 elements")
    self.first = first
    self.count = count
    self.rowLength = rowLength
    self.dtype = dtype
  }

  /// The elements of every block but the last of a tensor: a function of the shape alone.
  public static func blockLength(of shape: Shape) -> Int {
    let row = shape.rowLength
    return row > 0 && row <= maximumCount ? maximumCount / row * row : maximumCount
  }

  /// The number of blocks of a tensor.
  public static func blockCount(of shape: Shape) -> Int {
    let length = blockLength(of: shape)
    return shape.elementCount / length + (shape.elementCount % length == 0 ? 0 : 1)
  }

  /// The place of block `index` of a tensor of `shape`, or `nil` where it has no such block.
  public init?(block index: Int, of shape: Shape, dtype: DType) {
    guard index >= 0, index < Self.blockCount(of: shape) else { return nil }
    let length = Self.blockLength(of: shape)
    self.init(
      first: index * length, count: min(length, shape.elementCount - index * length), rowLength: shape.rowLength,
      dtype: dtype)
  }

  /// The number of rows that the block has a part of.
  public var segmentCount: Int { (first + count - 1) / rowLength - first / rowLength + 1 }

  /// The elements of segment `index`, counted from the block's first.
  public func segment(_ index: Int) -> Range<Int> {
    precondition((0..<segmentCount).contains(index), "a segment of the block")
    let start = (first / rowLength + index) * rowLength - first
    return max(0, start)..<min(count, start + rowLength)
  }

  /// The place as the coders in C take it.
  var block: weir_block {
    weir_block(first: UInt64(first), count: UInt32(count), row_length: UInt64(rowLength))
  }
}

extension BlockPlace {
  /// The block's bytes in its tensor, of elements of ``dtype``.
  public var bytes: Range<Int> { first * dtype.byteCount..<(first + count) * dtype.byteCount }
}
