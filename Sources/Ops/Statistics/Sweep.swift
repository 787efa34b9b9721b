/// One streaming read of (a part of) a tensor that gathers statistics: a program, and what to do with its tiles.
///
/// The tensor is cut into units that do not depend on threads, tiles or budget; each unit is reduced by one worker, and the
/// units' results are combined in their order.
public struct Sweep: Sendable {
  /// The length of a chunk, in elements, within which a sum runs before it is folded.
  static let chunkLength = 65_536

  enum Unit: Hashable, Sendable {
    /// A chunk of the flat tensor.
    case chunk
    /// A row.
    case row
    /// A run of whole rows, of so many elements, whose columns are summed.
    case panel(length: Int)
    /// A short run at the start of every so many elements.
    case sample(stride: Int, length: Int)
  }

  enum Reducer: Hashable, Sendable {
    case sum(Int)
    case dot(Int, Int)
    case maximum(Int)
    case keys(Int, Selector.Round)
    case locate(Int, key: UInt64, ordinal: Int)
    case sample(Int, isSigned: Bool)

    /// Whether it adds numbers up, or compares them, in lanes.
    var isSum: Bool {
      switch self {
      case .sum, .dot, .maximum: true
      case .keys, .locate, .sample: false
      }
    }

    /// Two units' findings together.
    func combine(_ a: Double, _ b: Double) -> Double {
      if case .maximum = self { return max(a, b) }
      return a + b
    }

    /// What nothing has been found of yet.
    var start: Double {
      if case .maximum = self { return -.infinity }
      return 0
    }
  }

  let unit: Unit
  let bound: BoundProgram
  /// What is done with each tile of the program's outputs, and the statistic that it is for.
  let reducers: [(reducer: Reducer, statistic: Int)]
  let elementCount: Int

  /// The units to sweep.
  public let units: Range<Int>

  /// The operand slots that the sweep reads.
  public var slots: [Int] { bound.program.slots }

  /// The elements of a unit; for `units` that follow each other these do too, except in a sample.
  public func elements(of number: Int) -> Range<Int> {
    let start: Int
    let length: Int
    switch unit {
    case .chunk: (start, length) = (number * Self.chunkLength, Self.chunkLength)
    case .row: (start, length) = (number * bound.rowLength, bound.rowLength)
    case .panel(let panel): (start, length) = (number * panel, panel)
    case .sample(let stride, let run): (start, length) = (number * stride, run)
    }
    return start..<min(start + length, elementCount)
  }

  /// Whether consecutive units are consecutive in the tensor, so that one window can serve several.
  public var isContiguous: Bool {
    if case .sample = unit { return false }
    return true
  }
}

/// What one worker found in some consecutive units of a sweep.
public struct SweepPartial: Sendable {
  struct Finding: Sendable {
    /// Sums: one number per unit, or one per column and panel.
    var values: [Double] = []
    var bins: [UInt32] = []
    var above = 0
    /// Occurrences of each probe, unit after unit.
    var equal: [UInt32] = []
    /// The element that a search looked for.
    var place: Int?
    var sample: [UInt64] = []
  }

  let units: Range<Int>
  var findings: [Finding]
}
