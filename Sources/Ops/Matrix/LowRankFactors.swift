/// The two thin factors of a matrix: `matrix ≈ left · right`, the best of their rank in the Frobenius norm.
///
///     A = U Σ Vᵀ        left = Uᵣ √Σᵣ, rows × rank        right = √Σᵣ Vᵣᵀ, rank × columns
///
/// Found from the eigenvectors of the smaller of AᵀA and AAᵀ, summed in Double; singular values below 10⁻⁷ of the largest are
/// therefore not told from zero.
///
/// Source: Eckart and Young, 1936, “The approximation of one matrix by another of lower rank”.
public struct LowRankFactors: Sendable {
  public let rank: Int
  public let left: [Float]
  public let right: [Float]
  /// The share of Σσ² that the factors keep.
  public let energy: Double

  /// Elements of a matrix that are widened at a time.
  private static let panelLength = 1 << 18

  /// Bytes that finding the factors takes, the matrix included.
  public static func workingBytes(rows: Int, columns: Int) -> Int {
    let side = min(rows, columns)
    return rows * columns * 4 + side * side * 8 * 2 + panelLength * 8
  }

  /// Decomposes a row-major matrix.
  ///
  /// - Parameters:
  ///   - rank: singular values to keep; 0 takes the least that keep `energy` of Σσ².
  /// - Throws: ``MatrixError`` where OpenBLAS is missing.
  public init(
    of matrix: UnsafeBufferPointer<Float>, rows: Int, columns: Int, rank: Int, energy: Double
  ) throws(MatrixError) {
    let blas = try BLAS.library()
    let isTall = rows >= columns
    let side = min(rows, columns)
    let gram = unsafe Self.gram(of: matrix, rows: rows, columns: columns, isTall, blas)
    let total = (0..<side).reduce(0) { $0 + gram[$1 * side + $1] }
    var count = min(rank, side)
    if rank == 0 {
      var copy = gram
      let values = try blas.eigen(&copy, size: side, count: 0).values
      var kept = 0.0
      count = 0
      for value in values.reversed() where kept < energy * total {
        kept += value
        count += 1
      }
    }
    count = max(1, min(count, side))
    var square = gram
    let (values, vectors) = try blas.eigen(&square, size: side, count: count)
    // Largest first, from here on.
    let sigma = values.reversed().map { max(0, $0).squareRoot() }
    var basis = [Float](repeating: 0, count: side * count)
    for place in 0..<count {
      for row in 0..<side { basis[row * count + place] = Float(vectors[(count - 1 - place) * side + row]) }
    }
    let other = unsafe basis.withUnsafeBufferPointer { basis in
      isTall
        ? unsafe blas.product(matrix, basis, rows: rows, inner: columns, columns: count)
        : unsafe blas.product(matrix, isTransposed: true, basis, rows: columns, inner: rows, columns: count)
    }
    self.rank = count
    self.energy = total > 0 ? values.reduce(0) { $0 + max(0, $1) } / total : 1
    // The basis times √σ, and what the matrix makes of it, which has length σ, over √σ.
    let near = Self.scaled(basis, count, sigma.map { Float($0.squareRoot()) })
    let far = Self.scaled(other, count, sigma.map { $0 > 0 ? Float(1 / $0.squareRoot()) : 0 })
    left = isTall ? far : near
    right = Self.transposed(isTall ? near : far, columns: count)
  }

  /// The smaller of AᵀA and AAᵀ, one triangle, summed panel by panel.
  private static func gram(
    of matrix: UnsafeBufferPointer<Float>, rows: Int, columns: Int, _ isTall: Bool, _ blas: BLAS
  ) -> [Double] {
    let (side, length) = (min(rows, columns), max(rows, columns))
    var gram = [Double](repeating: 0, count: side * side)
    let step = max(1, min(length, panelLength / max(1, side)))
    var panel = [Double](repeating: 0, count: step * side)
    for start in stride(from: 0, to: length, by: step) {
      let count = min(step, length - start)
      for row in 0..<count {
        for column in 0..<side {
          // SAFETY: the place lies in the matrix, whose size the caller gives.
          panel[row * side + column] = unsafe Double(
            matrix[isTall ? (start + row) * columns + column : column * columns + start + row])
        }
      }
      blas.addGram(of: panel, rows: count, columns: side, to: &gram)
    }
    return gram
  }

  /// Each column times its factor.
  private static func scaled(_ matrix: [Float], _ columns: Int, _ factors: [Float]) -> [Float] {
    matrix.enumerated().map { $1 * factors[$0 % columns] }
  }

  private static func transposed(_ matrix: [Float], columns: Int) -> [Float] {
    let rows = matrix.count / columns
    var result = [Float](repeating: 0, count: matrix.count)
    for row in 0..<rows {
      for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
    }
    return result
  }
}
