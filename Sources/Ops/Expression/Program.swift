internal import WeirTensors

/// The working type of an expression's elements.
public enum Precision: Sendable {
  case single, double

  var byteCount: Int { self == .single ? 4 : 8 }
  /// The stored type whose elements it has.
  var dtype: DType { self == .single ? .f32 : .f64 }
}

/// One step over a tile: registers are tiles, scalars and vectors are statistics bound before the run.
enum Instruction: Hashable, Sendable {
  case load(slot: Int, into: Int)
  /// The elements of one operand less those of another.
  case loadDifference(slot: Int, from: Int, into: Int)
  /// The elements of an operand times a scalar.
  case loadScaled(slot: Int, scalar: Int, into: Int)
  /// A tile, and added to it the elements of an operand, times a scalar if there is one.
  case loadAdded(slot: Int, scalar: Int?, to: Int, into: Int)
  case fill(scalar: Int, into: Int)
  case broadcast(vector: Int, isRow: Bool, into: Int)
  case unary(Operation.Unary, Int, into: Int)
  case binary(Operation.Binary, Int, Int, into: Int)
  case binaryRight(Operation.Binary, Int, scalar: Int, into: Int)
  case binaryLeft(Operation.Binary, scalar: Int, Int, into: Int)
  case addScaled(Int, Int, scalar: Int, into: Int)
  /// Of each tile counts what its selection keeps, where it has one.
  case electedSum([Int], selections: [Int?], weights: [UInt64], normalize: Bool, into: Int)
  /// The same of operand slots whose windows are bit planes.
  case electedPlanes([Int], weights: [UInt64], normalize: Bool, into: Int)
  case select(Int, Int, Int, into: Int)
  case selectRight(Int, Int, scalar: Int, into: Int)
  case selectLeft(Int, scalar: Int, Int, into: Int)
  case trim(Int, selection: Int, into: Int)
  /// The signs of what a trim leaves, times a scalar.
  case trimSign(Int, selection: Int, scalar: Int, into: Int)
  case drop(Int, RandomMask, into: Int)
  case loadRanks(Int, into: Int)
  case random(key: UInt64, into: Int)
}

/// A list of tile instructions over a few registers, for some roots of one expression.
///
/// `scalars`, `vectors` and `selections` name the nodes and statistics whose values a run is given.
struct Program: Sendable {
  var instructions: [Instruction] = []
  var registerCount = 0
  /// The register of each root, in the order of the roots.
  var outputs: [Int] = []
  /// Operand slots that are read, ascending.
  var slots: [Int] = []
  var scalars: [Int] = []
  var vectors: [Int] = []
  var selections: [Int] = []
  /// What must be ranked before the instructions run.
  var rankings: [Ranking] = []

  /// Numbers whose ranks within slices a program reads.
  struct Ranking: Sendable {
    let program: Program
    let slices: Slices
  }
}

extension ExpressionGraph {
  /// Lays out the elements of `roots` as instructions: each node once, each register freed after its last use.
  ///
  /// - Parameter planeSlots: the operand slots whose windows are bit planes.
  func compile(roots: [Int], planeSlots: Set<Int> = []) -> Program {
    var compiler = ProgramCompiler(graph: self, roots: roots, planeSlots: planeSlots)
    return compiler.run()
  }
}
