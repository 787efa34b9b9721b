public import WeirTensors

/// A program with the values of all statistics that it reads: everything that a worker needs besides the elements.
///
/// An object, so that handing it on for every instruction of every tile costs one reference, not one for each list in it.
final class BoundProgram: Sendable {
  let program: Program
  let precision: Precision
  /// Element types by operand slot, as the kernels number them.
  let dtypes: [Int32]
  let elementBytes: [Int]
  let checksFinite: Bool
  let scalars: [Double]
  /// Row or column values, and how many consecutive elements of the tensor share a row, or how many columns there are.
  let vectors: [[Double]]
  let selections: [Selection]
  let rowLength: Int
  let columnCount: Int
  let rankings: [Ranking]
  /// The last instruction, where it only adds an operand to what becomes the first output.
  let lastSum: Sum?

  /// A tile, and what an operand's elements, times a scalar, add to it.
  struct Sum: Sendable {
    let tile: Int
    let slot: Int
    let scale: Double
  }

  struct Ranking: Sendable {
    let bound: BoundProgram
    let slices: Slices
  }

  init(
    _ program: Program, over frame: TensorFrame, scalars: [Double], vectors: [[Double]], selections: [Selection],
    rankings: [Ranking]
  ) {
    self.program = program
    self.scalars = scalars
    self.vectors = vectors
    self.selections = selections
    self.rankings = rankings
    lastSum =
      if case .loadAdded(let slot, let scalar, let tile, let into) = program.instructions.last,
        into == program.outputs.first
      { Sum(tile: tile, slot: slot, scale: scalar.map { scalars[$0] } ?? 1) } else { nil }
    precision = frame.precision
    dtypes = frame.kernels
    elementBytes = frame.dtypes.map(\.byteCount)
    checksFinite = frame.checksFinite
    rowLength = frame.rowLength
    columnCount = frame.columnCount
  }
}

/// What an expression is computed over: the tensor and the stored types of its operands.
public struct TensorFrame: Hashable, Sendable {
  public let elementCount: Int
  /// Elements that share a row value: the last axis; the whole of a vector.
  public let rowLength: Int
  /// Elements of a slice along the first axis: how many column values there are.
  public let columnCount: Int
  /// By operand slot.
  public let dtypes: [DType]
  /// The operand slots whose elements come as bit planes.
  public let planeSlots: Set<Int>
  /// Whether a NaN or an infinity in an operand is an error.
  public let checksFinite: Bool
  /// The logarithm of how many bins all searches of a sweep together may have.
  public let searchBits: Int
  /// The working type: Float32, or Double where an operand is F64 or the caller wants it.
  public let precision: Precision

  /// The element types as the kernels number them.
  var kernels: [Int32] {
    dtypes.enumerated().map { slot, dtype in planeSlots.contains(slot) ? PlaneWindow.kernel : dtype.kernel ?? 0 }
  }

  public init(
    shape: Shape, dtypes: [DType], planeSlots: Set<Int> = [], checksFinite: Bool, forcesDouble: Bool = false,
    searchBits: Int = 20
  ) {
    elementCount = shape.elementCount
    rowLength = max(1, shape.rowLength)
    columnCount =
      shape.extents.count < 2 ? max(1, shape.elementCount) : max(1, shape.elementCount / max(1, shape.extents[0]))
    self.dtypes = dtypes
    self.planeSlots = planeSlots
    self.checksFinite = checksFinite
    self.searchBits = searchBits
    precision = forcesDouble || dtypes.contains(.f64) ? .double : .single
  }
}
