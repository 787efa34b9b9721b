/// The extents of a tensor, slowest first; `[]` is a scalar of one element.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  public let extents: [Int]

  /// The product of the extents: 1 for a scalar, 0 if any extent is 0.
  public let elementCount: Int

  /// Makes a shape, or `nil` where an extent is negative or the product overflows.
  public init?(_ extents: [Int]) {
    guard extents.allSatisfy({ $0 >= 0 }) else { return nil }
    guard !extents.contains(0) else {
      self.extents = extents
      elementCount = 0
      return
    }
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      count = product
    }
    self.extents = extents
    elementCount = count
  }

  /// Makes the shape of a vector.
  public init(vector elementCount: Int) {
    precondition(elementCount >= 0, "a vector has no negative length")
    extents = [elementCount]
    self.elementCount = elementCount
  }

  /// Elements of one slice along the last axis; a scalar and a vector are one row.
  public var rowLength: Int { extents.count < 2 ? elementCount : extents[extents.count - 1] }

  /// The number of rows of ``rowLength`` elements.
  public var rowCount: Int { rowLength == 0 ? 0 : elementCount / rowLength }

  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
