internal import CKernels
public import WeirTensors

/// Compares runs of elements; holds two tiles, so one thread needs one of its own.
@safe public final class Comparer {
  private let left: UnsafeMutableRawPointer
  private let right: UnsafeMutableRawPointer

  private static let tileLength = 4096
  /// Elements whose sums share their lanes.
  static let runLength = 65536

  public init() {
    unsafe left = .allocate(byteCount: Self.tileLength * 8, alignment: 64)
    unsafe right = .allocate(byteCount: Self.tileLength * 8, alignment: 64)
  }

  deinit {
    // SAFETY: allocated in `init`, and nobody else has them.
    unsafe left.deallocate()
    unsafe right.deallocate()
  }

  /// Compares `count` elements at `a` with as many at `b`.
  ///
  /// - Parameters:
  ///   - a: elements of `dtypeA`, which need not be aligned.
  ///   - b: elements of `dtypeB`.
  ///   - count: how many; of a tensor that is compared in parts, a multiple of 65,536 in all parts but the last.
  public func compare(
    _ a: UnsafeRawPointer, _ dtypeA: DType, _ b: UnsafeRawPointer, _ dtypeB: DType, count: Int
  ) -> Difference {
    guard let kernelA = dtypeA.kernel, let kernelB = dtypeB.kernel else {
      // SAFETY: the caller vouches for `count` elements on both sides; of two types that are no numbers nothing is the same.
      let changed =
        dtypeA == dtypeB ? unsafe Int(weir_count_changed(Int32(dtypeA.byteCount), a, b, count)) : count
      return Difference(changed: changed, of: count)
    }
    var total = Difference()
    for start in stride(from: 0, to: count, by: Self.runLength) {
      let run = min(Self.runLength, count - start)
      let (x, y) = unsafe (a + start * dtypeA.byteCount, b + start * dtypeB.byteCount)
      if dtypeA == .f64 || dtypeB == .f64 {
        unsafe total.add(numbers(x, kernelA, dtypeA, y, kernelB, dtypeB, run, Double.self))
      } else {
        unsafe total.add(numbers(x, kernelA, dtypeA, y, kernelB, dtypeB, run, Float.self))
      }
    }
    return total
  }

  /// Compares one run of numbers.
  private func numbers<Element: ComparedElement>(
    _ a: UnsafeRawPointer, _ kernelA: Int32, _ dtypeA: DType, _ b: UnsafeRawPointer, _ kernelB: Int32, _ dtypeB: DType,
    _ count: Int, _: Element.Type
  ) -> Difference {
    let lanes = Int(WEIR_COMPARE_LANES)
    var sums = [Double](repeating: 0, count: 4 * lanes)
    var largest = [Double](repeating: 0, count: lanes)
    var special: UInt64 = 0
    var changed = 0
    let x = unsafe left.assumingMemoryBound(to: Element.self)
    let y = unsafe right.assumingMemoryBound(to: Element.self)
    for start in stride(from: 0, to: count, by: Self.tileLength) {
      let tile = min(Self.tileLength, count - start)
      // SAFETY: the tiles hold `tileLength` elements of either type, the inputs `count`; the sums have their lanes.
      _ = unsafe Element.decode(kernelA, x, a + start * dtypeA.byteCount, tile)
      _ = unsafe Element.decode(kernelB, y, b + start * dtypeB.byteCount, tile)
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        unsafe largest.withUnsafeMutableBufferPointer { largest in
          guard let sums = sums.baseAddress, let largest = largest.baseAddress else { return }
          unsafe Element.compare(sums, largest, &special, x, y, tile)
        }
      }
      if dtypeA != dtypeB {
        for place in 0..<tile where unsafe x[place] != y[place] { changed += 1 }
      }
    }
    var bins = [UInt64](repeating: 0, count: dtypeA == dtypeB ? Int(WEIR_ULP_BINS) : 0)
    if dtypeA == dtypeB {
      // SAFETY: there are as many bins as the kernel counts into.
      changed = unsafe bins.withUnsafeMutableBufferPointer { bins in
        unsafe Int(weir_count_ulps(kernelA, bins.baseAddress, a, b, count))
      }
    }
    while bins.last == 0 { bins.removeLast() }
    let folded = (0..<4).map { Self.folded(sums[$0 * lanes..<($0 + 1) * lanes]) }
    return Difference(
      changed: changed, of: count, sums: folded, largest: largest.max() ?? 0, nonFinite: Int(special),
      ulps: bins.map { Int($0) })
  }

  /// The sum of the lanes through a fixed tree.
  private static func folded(_ lanes: ArraySlice<Double>) -> Double {
    var lanes = Array(lanes)
    while lanes.count > 1 {
      let half = lanes.count / 2
      lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
    }
    return lanes.first ?? 0
  }
}

/// A working type in which numbers are compared.
private protocol ComparedElement: KernelElement {
  static func compare(
    _ sums: UnsafeMutablePointer<Double>, _ largest: UnsafeMutablePointer<Double>,
    _ special: UnsafeMutablePointer<UInt64>, _ a: Tile, _ b: Tile, _ count: Int)
}

extension Float: ComparedElement {
  fileprivate static func compare(
    _ sums: UnsafeMutablePointer<Double>, _ largest: UnsafeMutablePointer<Double>,
    _ special: UnsafeMutablePointer<UInt64>, _ a: Tile, _ b: Tile, _ count: Int
  ) {
    unsafe weir_compare_f32(sums, largest, special, a, b, count)
  }
}

extension Double: ComparedElement {
  fileprivate static func compare(
    _ sums: UnsafeMutablePointer<Double>, _ largest: UnsafeMutablePointer<Double>,
    _ special: UnsafeMutablePointer<UInt64>, _ a: Tile, _ b: Tile, _ count: Int
  ) {
    unsafe weir_compare_f64(sums, largest, special, a, b, count)
  }
}
