#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A refusal of a matrix operation; the pipeline adds what it was for.
public struct MatrixError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// The few routines of BLAS and LAPACK that matrix methods need, from OpenBLAS, loaded when the first of them is called.
///
/// The library is not linked: loading it costs tens of milliseconds and a thread pool, which no other run should pay for.
/// It works on one thread per caller, so that results do not depend on how many workers there are.
@safe struct BLAS: Sendable {
  typealias Real = UnsafeMutablePointer<Double>
  typealias Single = UnsafePointer<Float>
  typealias Number = UnsafeMutablePointer<Int32>
  typealias Letter = UnsafePointer<CChar>

  private typealias Syrk =
    @convention(c) (Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, Double, Real, Int32) ->
    Void
  private typealias Gemm =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, Single, Int32, Single, Int32, Float, UnsafeMutablePointer<Float>,
      Int32
    ) -> Void
  private typealias Syevr =
    @convention(c) (
      Letter, Letter, Letter, Number, Real, Number, Real, Real, Number, Number, Real, Number, Real, Real, Number,
      Number,
      Real, Number, Number, Number, Number
    ) -> Void

  private let syrk: Syrk
  private let gemm: Gemm
  private let syevr: Syevr

  private static let loaded: Result<BLAS, MatrixError> = load()

  /// The library, or why there is none.
  static func library() throws(MatrixError) -> BLAS { try loaded.get() }

  private static func load() -> Result<BLAS, MatrixError> {
    let names = [
      "libopenblas.so.0", "libopenblas.so", "libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
    ]
    for name in names {
      guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) else { continue }
      guard let syrk = unsafe dlsym(handle, "cblas_dsyrk"), let gemm = unsafe dlsym(handle, "cblas_sgemm"),
        let syevr = unsafe dlsym(handle, "dsyevr_")
      else { continue }
      if let threads = unsafe dlsym(handle, "openblas_set_num_threads") {
        // SAFETY: the symbol is this function in every OpenBLAS.
        let set = unsafe unsafeBitCast(threads, to: (@convention(c) (Int32) -> Void).self)
        set(1)
      }
      // SAFETY: the symbols are the C functions of these signatures, with 32-bit integers.
      return unsafe .success(
        BLAS(
          syrk: unsafeBitCast(syrk, to: Syrk.self), gemm: unsafeBitCast(gemm, to: Gemm.self),
          syevr: unsafeBitCast(syevr, to: Syevr.self)))
    }
    return .failure(
      MatrixError("OpenBLAS is not installed, expected libopenblas.so.0; install it (apt install libopenblas0)"))
  }

  // MARK: - Routines

  private static let rowMajor: Int32 = 101
  private static let noTranspose: Int32 = 111
  private static let transpose: Int32 = 112
  private static let lower: Int32 = 122

  /// `gram += PᵀP` for a row-major panel of `rows` × `columns`; one triangle of the square `gram`.
  func addGram(of panel: [Double], rows: Int, columns: Int, to gram: inout [Double]) {
    precondition(panel.count >= rows * columns && gram.count == columns * columns, "shapes agree")
    // SAFETY: the arrays have the sizes that the routine is told, as was checked.
    unsafe gram.withUnsafeMutableBufferPointer { gram in
      unsafe panel.withUnsafeBufferPointer { panel in
        guard let a = panel.baseAddress, let c = gram.baseAddress else { return }
        unsafe syrk(
          Self.rowMajor, Self.lower, Self.transpose, Int32(columns), Int32(rows), 1, a, Int32(columns), 1, c,
          Int32(columns))
      }
    }
  }

  /// `A·B`, or `Aᵀ·B`, of row-major matrices; the result is `rows` × `columns`, `inner` is what is summed over.
  func product(
    _ a: UnsafeBufferPointer<Float>, isTransposed: Bool = false, _ b: UnsafeBufferPointer<Float>, rows: Int, inner: Int,
    columns: Int
  ) -> [Float] {
    precondition(a.count == rows * inner && b.count == inner * columns, "shapes agree")
    return unsafe [Float](unsafeUninitializedCapacity: rows * columns) { result, count in
      guard let a = a.baseAddress, let b = b.baseAddress, let c = result.baseAddress else { return }
      // SAFETY: the matrices have the sizes that the routine is told, as was checked.
      unsafe multiply(
        (a, isTransposed ? rows : inner, isTransposed), (b, columns, false), rows: rows, inner: inner,
        columns: columns, into: c)
      count = rows * columns
    }
  }

  /// Writes `scale · A·B` to `c`, row-major and `rows` × `columns`; a side is its first element, the elements from one of
  /// its rows to the next, and whether it is stored transposed.
  func multiply(
    _ a: (start: Single, stride: Int, isTransposed: Bool), _ b: (start: Single, stride: Int, isTransposed: Bool),
    rows: Int, inner: Int, columns: Int, scale: Float = 1, into c: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: the caller's matrices reach as far as the sizes say.
    unsafe gemm(
      Self.rowMajor, a.isTransposed ? Self.transpose : Self.noTranspose,
      b.isTransposed ? Self.transpose : Self.noTranspose, Int32(rows), Int32(columns), Int32(inner), scale, a.start,
      Int32(a.stride), b.start, Int32(b.stride), 0, c, Int32(columns))
  }

  /// Eigenvalues of a symmetric matrix, ascending, and the vectors of the last `count`, one per row.
  ///
  /// - Parameter gram: the triangle that ``addGram(of:rows:columns:to:)`` fills; destroyed.
  func eigen(_ gram: inout [Double], size: Int, count: Int) throws(MatrixError) -> (values: [Double], vectors: [Double])
  {
    precondition(gram.count == size * size && count <= size, "shapes agree")
    var (n, rowStride, vectorStride) = (Int32(size), Int32(size), Int32(size))
    var values = [Double](repeating: 0, count: size)
    var vectors = [Double](repeating: 0, count: max(1, size * count))
    var support = [Int32](repeating: 0, count: 2 * size)
    var (low, high, least, most) = (0.0, 0.0, Int32(size - max(1, count) + 1), Int32(size))
    var (tolerance, found, info) = (0.0, Int32(0), Int32(0))
    var work = [Double](repeating: 0, count: 1)
    var numbers = [Int32](repeating: 0, count: 1)
    // The row-major lower triangle is the column-major upper one. All values are wanted where no vector is.
    for isQuery in [true, false] {
      var (workCount, numberCount) = (Int32(isQuery ? -1 : work.count), Int32(isQuery ? -1 : numbers.count))
      // SAFETY: arrays have the sizes that LAPACK asks for, which the first call has told.
      unsafe syevr(
        count > 0 ? "V" : "N", count > 0 ? "I" : "A", "U", &n, &gram, &rowStride, &low, &high, &least, &most,
        &tolerance,
        &found,
        &values, &vectors, &vectorStride, &support, &work, &workCount, &numbers, &numberCount, &info)
      guard info == 0 else { break }
      if isQuery {
        work = [Double](repeating: 0, count: max(1, Int(work[0])))
        numbers = [Int32](repeating: 0, count: max(1, Int(numbers[0])))
      }
    }
    guard info == 0, Int(found) == (count > 0 ? count : size) else {
      throw MatrixError("the eigenvalues of a matrix of \(size) rows were not found, LAPACK says \(info)")
    }
    return (Array(values.prefix(Int(found))), vectors)
  }
}
