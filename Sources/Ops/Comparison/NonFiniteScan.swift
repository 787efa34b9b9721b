public import WeirTensors

/// Looks for NaNs and infinities; holds a tile, so one thread needs one of its own.
@safe public final class NonFiniteScan {
  private let tile: UnsafeMutablePointer<Double>
  private static let tileLength = 4096

  /// What a run of elements holds that is no finite number.
  public struct Finding: Hashable, Sendable {
    public private(set) var nans = 0
    public private(set) var infinities = 0
    /// The index of the first of either.
    public private(set) var first: Int?

    public init() {}

    public var isEmpty: Bool { first == nil }

    /// Takes in what comes after it.
    public mutating func add(_ other: Finding) {
      nans += other.nans
      infinities += other.infinities
      first = first ?? other.first
    }

    fileprivate mutating func add(_ value: Double, at index: Int) {
      if value.isNaN { nans += 1 } else { infinities += 1 }
      first = first ?? index
    }
  }

  public init() { unsafe tile = .allocate(capacity: Self.tileLength) }

  deinit {
    // SAFETY: allocated in `init`, and nobody else has it.
    unsafe tile.deallocate()
  }

  /// Scans `count` elements at `source`, of which the first has the index `first`; finds nothing in types without such
  /// numbers.
  public func scan(_ source: UnsafeRawPointer, _ dtype: DType, first: Int, count: Int) -> Finding {
    var finding = Finding()
    guard let kernel = dtype.kernel else { return finding }
    for start in stride(from: 0, to: count, by: Self.tileLength) {
      let length = min(Self.tileLength, count - start)
      // SAFETY: the tile holds `tileLength` numbers, the source `count` elements.
      let address = unsafe source + start * dtype.byteCount
      if dtype == .f64 {
        guard unsafe Double.decode(kernel, tile, address, length) != 0 else { continue }
        for place in 0..<length where unsafe !tile[place].isFinite {
          unsafe finding.add(tile[place], at: first + start + place)
        }
      } else {
        let floats = unsafe UnsafeMutableRawPointer(tile).assumingMemoryBound(to: Float.self)
        guard unsafe Float.decode(kernel, floats, address, length) != 0 else { continue }
        for place in 0..<length where unsafe !floats[place].isFinite {
          unsafe finding.add(Double(floats[place]), at: first + start + place)
        }
      }
    }
    return finding
  }
}
