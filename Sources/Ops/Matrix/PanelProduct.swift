public import WeirTensors

/// A product of two thin matrices that is computed some rows at a time and never held whole.
///
///     P = s · L·R        L: rows × inner        R: inner × columns
///
/// A panel is a run of rows that depends on the product's shape alone, and is always computed whole: its numbers are the same
/// whoever asks for which of them, on one type of CPU.
///
/// - Memory: the two factors as Float32.
public struct PanelProduct: Sendable {
  /// One of the two factors, row by row.
  public struct Side: Sendable {
    public let elements: [Float]
    /// Whether it is stored with its rows as columns.
    public let isTransposed: Bool

    public init(_ elements: [Float], isTransposed: Bool) {
      self.elements = elements
      self.isTransposed = isTransposed
    }
  }

  /// Elements that a panel has at the most, where a row has fewer.
  private static let panelLength = 1 << 19
  /// Rows in a panel are a multiple of this where there are so many.
  private static let rowStep = 16

  public let rowCount: Int
  public let columnCount: Int
  private let inner: Int
  private let left: Side
  private let right: Side
  private let scale: Float
  private let blas: BLAS

  /// Makes a product of factors that have `rowCount` · `inner` and `inner` · `columnCount` elements.
  ///
  /// - Throws: ``MatrixError`` where OpenBLAS is missing.
  public init(
    _ left: Side, _ right: Side, rowCount: Int, inner: Int, columnCount: Int, scale: Double
  ) throws(MatrixError) {
    precondition(
      left.elements.count == rowCount * inner && right.elements.count == inner * columnCount, "shapes agree")
    self.left = left
    self.right = right
    self.rowCount = rowCount
    self.inner = inner
    self.columnCount = columnCount
    self.scale = Float(scale)
    blas = try BLAS.library()
  }

  /// Rows of every panel but the last.
  public static func panelRows(rowCount: Int, columnCount: Int) -> Int {
    let rows = max(1, min(rowCount, panelLength / max(1, columnCount)))
    return rows > rowStep && rows < rowCount ? rows / rowStep * rowStep : rows
  }

  /// Bytes that a worker holds to compute panels: one of them, and what OpenBLAS lays out anew of the factors.
  public static func workingBytes(rowCount: Int, inner: Int, columnCount: Int) -> Int {
    let rows = panelRows(rowCount: rowCount, columnCount: columnCount)
    return 4 * rows * columnCount + min(32 << 20, 4 * inner * (columnCount + rows))
  }

  /// Bytes of the two factors.
  public static func factorBytes(rowCount: Int, inner: Int, columnCount: Int) -> Int {
    4 * inner * (rowCount + columnCount)
  }

  /// Computes the panel that begins with row `first`; gives back the number of its elements.
  ///
  /// - Parameter target: room for a panel.
  public func compute(panelFrom first: Int, into target: UnsafeMutablePointer<Float>) -> Int {
    let count = min(Self.panelRows(rowCount: rowCount, columnCount: columnCount), rowCount - first)
    guard count > 0 else { return 0 }
    unsafe left.elements.withUnsafeBufferPointer { a in
      unsafe right.elements.withUnsafeBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return }
        // SAFETY: the factors have as many elements as their shapes say, and the rows lie in the product.
        unsafe blas.multiply(
          (a + (left.isTransposed ? first : first * inner), left.isTransposed ? rowCount : inner, left.isTransposed),
          (b, right.isTransposed ? inner : columnCount, right.isTransposed), rows: count, inner: inner,
          columns: columnCount, scale: scale, into: target)
      }
    }
    return count * columnCount
  }
}

extension DType {
  /// Appends the elements of a run of bytes as Float32; the place of the first that is not finite, in what was appended.
  public func append(_ bytes: UnsafeRawBufferPointer, to numbers: inout [Float]) -> Int? {
    guard kernel != nil, let source = bytes.baseAddress else { return nil }
    let (first, count) = (numbers.count, bytes.count / byteCount)
    numbers.append(contentsOf: repeatElement(0, count: count))
    return unsafe numbers.withUnsafeMutableBufferPointer { buffer -> Int? in
      guard let start = buffer.baseAddress else { return nil }
      // SAFETY: there is room for as many numbers as elements are in the bytes.
      unsafe decode(source, count: count, into: start + first)
      return unsafe UnsafeMutableBufferPointer(rebasing: buffer[first...]).firstIndex { !$0.isFinite }
    }
  }
}
