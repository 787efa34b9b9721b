internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A tensor of an adapter as an operand: a product of thin matrices, computed panel by panel where it is read.
struct AdapterTensor: Sendable {
  /// One of the two factors.
  struct Side: Sendable {
    /// Its place in the adapter's checkpoint; `nil` for ones.
    let tensor: Int?
    /// Whether it is stored with its rows as columns.
    var isTransposed = false
  }

  let adapter: Adapter
  let left: Side
  let right: Side
  let rowCount: Int
  let columnCount: Int
  let inner: Int
  let scale: Double

  /// A product, where its sizes are ones that can be computed with.
  init?(_ adapter: Adapter, _ left: Side, _ right: Side, rows: Int, inner: Int, columns: Int, scale: Double) {
    let limit = Int(Int32.max)
    guard rows > 0, columns > 0, inner > 0, rows <= limit, columns <= limit, inner <= limit else { return nil }
    // The sums of such products below stay within 64 bits.
    guard inner <= 1 << 22 || max(rows, columns) <= 1 << 22 else { return nil }
    self.adapter = adapter
    self.left = left
    self.right = right
    rowCount = rows
    columnCount = columns
    self.inner = inner
    self.scale = scale
  }

  /// Elements of every panel but the last.
  var panelLength: Int {
    PanelProduct.panelRows(rowCount: rowCount, columnCount: columnCount) * columnCount
  }

  /// Bytes of the factors in memory, which workers share.
  var factorBytes: Int { PanelProduct.factorBytes(rowCount: rowCount, inner: inner, columnCount: columnCount) }

  /// Bytes that a worker holds while it reads the tensor.
  var heldBytes: Int { PanelProduct.workingBytes(rowCount: rowCount, inner: inner, columnCount: columnCount) }

  /// Bytes of the factors as they are stored.
  var inputBytes: Int {
    [left, right].compactMap(\.tensor).reduce(0) { $0 + adapter.checkpoint.catalogue.tensors[$1].byteCount }
  }
}
