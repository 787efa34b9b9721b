internal import CCodecs
internal import WeirTensors

/// Codec 11: a matrix as the product of two thin ones.
///
///     value of row i, column j = left(i, 0) · right(0, j) + left(i, 1) · right(1, j) + …
///
/// The sum begins with +0 and takes its products in order; every product and sum is rounded to Float32, so that all machines
/// have the same bits. A tensor has one block for the right factor, and one for the rows of the left factor that belong to each
/// of its blocks of elements, whose rows are whole. Factors are BF16, coded as lists by ``LosslessCodec`` without a base, or
/// eight-bit integers with a scale for every rank.
///
/// - Memory: 4 bytes per element of the right factor, and of the block's part of the left one.
/// - Source: the best approximation of a rank (Eckart and Young, 1936); for deltas, e.g. Delta-CoMe (Ping et al., 2024,
///   arXiv:2406.08903).
public enum LowRankCodec {
  /// How a factor's numbers are stored, as the block's first byte says.
  private enum Form: UInt8 {
    case bf16 = 0
    case int8 = 1
  }

  /// Packs the right factor.
  ///
  /// - Parameters:
  ///   - factor: `rank` rows of `columns` numbers.
  ///   - isInt8: eight bits instead of sixteen.
  /// - Throws: ``CheckpointError`` where a number is not finite.
  public static func encodeRight(
    _ factor: [Float], rank: Int, columns: Int, isInt8: Bool
  ) throws(CheckpointError) -> [UInt8] {
    try encode(factor, rows: rank, columns: columns, isPerColumn: false, isInt8)
  }

  /// Packs rows of the left factor.
  ///
  /// - Parameters:
  ///   - rows: as many rows of `rank` numbers as the place has.
  ///   - place: where the block of the product lies; it has whole rows.
  public static func encodeRows(
    _ rows: [Float], _ place: BlockPlace, rank: Int, isInt8: Bool
  ) throws(CheckpointError) -> [UInt8] {
    try encode(rows, rows: try rowCount(place), columns: rank, isPerColumn: true, isInt8)
  }

  /// Unpacks the right factor.
  ///
  /// - Throws: ``CheckpointError`` where the payload is no factor of this size.
  public static func decodeRight(
    _ payload: UnsafeRawBufferPointer, rank: Int, columns: Int
  ) throws(CheckpointError) -> [Float] {
    try unsafe decode(payload, rows: rank, columns: columns, isPerColumn: false)
  }

  /// Unpacks rows of the left factor, and multiplies them with the right one.
  ///
  /// - Parameters:
  ///   - payload: the block's bytes, of any origin.
  ///   - place: where the block of the product lies.
  ///   - right: what ``decodeRight(_:rank:columns:)`` gave.
  ///   - values: room for `place.count` values; undefined after an error.
  /// - Throws: ``CheckpointError`` where the payload is no factor for this place.
  public static func decodeRows(
    _ payload: UnsafeRawBufferPointer, _ place: BlockPlace, rank: Int, right: [Float],
    into values: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    precondition(values.count == place.count, "room for as many values as the place says")
    precondition(right.count == rank * place.rowLength, "the right factor of the tensor")
    let rows = try rowCount(place)
    let left = try unsafe decode(payload, rows: rows, columns: rank, isPerColumn: true)
    // SAFETY: the three sizes belong to `left`, `right` and `values`, as was checked.
    unsafe weir_multiply(left, right, UInt32(rows), UInt32(rank), UInt32(place.rowLength), values.baseAddress)
  }

  /// The rows of a place; a row that is cut has no rows of the left factor of its own.
  private static func rowCount(_ place: BlockPlace) throws(CheckpointError) -> Int {
    guard place.first % place.rowLength == 0, place.count % place.rowLength == 0 else {
      throw CheckpointError(
        .malformed(
          found: "rows of \(place.rowLength) elements for codec 11", expected: "at most \(BlockPlace.maximumCount)"))
    }
    return place.count / place.rowLength
  }

  // MARK: - Factors

  private static func encode(
    _ factor: [Float], rows: Int, columns: Int, isPerColumn: Bool, _ isInt8: Bool
  ) throws(CheckpointError) -> [UInt8] {
    precondition(rows >= 1 && columns >= 1 && factor.count == rows * columns, "a factor has rows of one length")
    if isInt8 {
      var scales = [Float](repeating: 0, count: isPerColumn ? columns : rows)
      var quantised = [Int8](repeating: 0, count: factor.count)
      // SAFETY: the arrays have the sizes that the numbers of rows and columns say.
      let result = unsafe weir_quantise(factor, UInt32(rows), UInt32(columns), isPerColumn ? 1 : 0, &scales, &quantised)
      guard result == 0 else { throw notFinite }
      let scaleBytes = unsafe scales.withUnsafeBytes { unsafe Array($0) }
      return [Form.int8.rawValue] + scaleBytes + quantised.map { UInt8(bitPattern: $0) }
    }
    var halves = [UInt16](repeating: 0, count: factor.count)
    // SAFETY: as above.
    guard unsafe weir_round_bf16(factor, factor.count, &halves) == 0 else { throw notFinite }
    return try ValueBench.lend { bench throws(CheckpointError) in
      var payload: [UInt8] = [Form.bf16.rawValue]
      for piece in pieces(factor.count) {
        // SAFETY: pieces lie within the array, which lives for the call.
        let bytes = unsafe halves.withUnsafeBytes { halves in
          unsafe LosslessCodec.encode(
            halves.baseAddress.unsafelyUnwrapped + 2 * piece.lowerBound, base: nil, count: piece.count,
            rowLength: columns, .bf16, bench)
        }
        payload += (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
      }
      return payload
    }
  }

  private static func decode(
    _ payload: UnsafeRawBufferPointer, rows: Int, columns: Int, isPerColumn: Bool
  ) throws(CheckpointError) -> [Float] {
    precondition(rows >= 1 && columns >= 1, "a factor has rows and columns")
    let count = rows * columns
    var factor = [Float](repeating: 0, count: count)
    guard let form = unsafe payload.first.flatMap(Form.init) else {
      throw CheckpointError(.malformed(found: "factor of an unknown form", expected: "0 or 1"))
    }
    // SAFETY: every read is of bytes whose number was checked before; the factor has room for its numbers.
    if form == .int8 {
      let scaleCount = isPerColumn ? columns : rows
      guard payload.count == 1 + 4 * scaleCount + count else {
        throw CheckpointError(
          .malformed(found: "factor of \(payload.count) bytes", expected: "\(1 + 4 * scaleCount + count)"))
      }
      let scales = (0..<scaleCount).map { index in
        unsafe Float(
          bitPattern: UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: 1 + 4 * index, as: UInt32.self)))
      }
      let quantised = unsafe payload.baseAddress.unsafelyUnwrapped.advanced(by: 1 + 4 * scaleCount)
        .assumingMemoryBound(to: Int8.self)
      try CoderResult.check(
        unsafe weir_dequantise(scales, quantised, UInt32(rows), UInt32(columns), isPerColumn ? 1 : 0, &factor),
        payload.count)
      return factor
    }
    try ValueBench.lend { bench throws(CheckpointError) in
      var at = 1
      for piece in pieces(count) {
        guard payload.count - at >= 4 else { throw unsafe cut(payload) }
        let size = unsafe Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        at += 4
        guard size <= payload.count - at else { throw unsafe cut(payload) }
        let part = unsafe UnsafeRawBufferPointer(rebasing: payload[at..<at + size])
        try unsafe LosslessCodec.decode(part, base: nil, count: piece.count, .bf16, into: bench.list, bench)
        unsafe factor.withUnsafeMutableBufferPointer { factor in
          unsafe weir_widen_bf16(
            bench.list, piece.count, factor.baseAddress.unsafelyUnwrapped + piece.lowerBound)
        }
        at += size
      }
      guard at == payload.count else {
        throw CheckpointError(.malformed(found: "factor with \(payload.count - at) bytes left over", expected: "none"))
      }
    }
    return factor
  }

  /// Runs of as many numbers as a block may have.
  private static func pieces(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: BlockPlace.maximumCount).map { $0..<min(count, $0 + BlockPlace.maximumCount) }
  }

  private static func cut(_ payload: UnsafeRawBufferPointer) -> CheckpointError {
    CheckpointError(.malformed(found: "factor ends after \(payload.count) bytes", expected: "all its numbers"))
  }

  private static var notFinite: CheckpointError {
    CheckpointError(.malformed(found: "a factor with numbers that are not finite", expected: "finite ones"))
  }
}
