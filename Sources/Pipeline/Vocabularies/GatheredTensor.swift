internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A tensor with a row per token as an operand: its rows are gathered from those of several where it is read.
struct GatheredTensor: Sendable {
  /// A tensor that rows are taken from.
  struct Part: Sendable {
    let file: InputFile
    /// Where its first byte is.
    let start: Int
    let dtype: DType
    /// What errors call it.
    let name: String
  }

  /// A row of a part.
  struct Place: Hashable, Sendable {
    let part: Int
    let row: Int
  }

  let parts: [Part]
  let map: RowMap
  /// The rows behind each mean.
  let means: [[Place]]
  /// Elements of a row.
  let columnCount: Int
  /// The row for padding, found once.
  let padding: PaddingRow?

  /// The type that rows are decoded to.
  var dtype: DType { parts.contains { $0.dtype == .f64 } ? .f64 : .f32 }

  private static let panelLength = 1 << 17

  /// Elements of every panel but the last: whole rows.
  var panelLength: Int { max(1, min(map.rowCount, Self.panelLength / max(1, columnCount))) * columnCount }

  /// Bytes that a worker holds while it reads the tensor: a panel, what it is decoded from, and sums.
  var heldBytes: Int {
    let stored = parts.map(\.dtype.byteCount).max() ?? 8
    return panelLength * (dtype.byteCount + stored * parts.count) + columnCount * 16
  }

  /// Bytes of the rows that are read, once.
  var inputBytes: Int {
    map.runs(in: 0..<map.rowCount).reduce(0) { bytes, run in
      switch run.first {
      case .part(let part, _): bytes + run.rows.count * columnCount * parts[part].dtype.byteCount
      case .mean(let mean): bytes + means[mean].reduce(0) { $0 + columnCount * parts[$1.part].dtype.byteCount }
      case .zero, .padding: bytes
      }
    }
  }

  /// The bytes of consecutive rows of a part.
  func bytes(_ part: Int, _ rows: Range<Int>) -> Range<Int> {
    let size = columnCount * parts[part].dtype.byteCount
    return parts[part].start + rows.lowerBound * size..<parts[part].start + rows.upperBound * size
  }
}

/// The mean of the rows of a gathered tensor that have a token, which the rows for padding get; found by the first who asks.
final class PaddingRow: Sendable {
  /// How many rows it is the mean of.
  let rowCount: Int
  private let row = Monitor<[Double]?>(nil)

  init(rowCount: Int) { self.rowCount = rowCount }

  /// The mean; `compute` is called once.
  func mean(_ compute: (Int) throws(CheckpointError) -> [Double]) throws(CheckpointError) -> [Double] {
    let result = row.withLock { row -> Result<[Double], CheckpointError> in
      if let row { return .success(row) }
      do throws(CheckpointError) {
        let mean = try compute(rowCount)
        row = mean
        return .success(mean)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
