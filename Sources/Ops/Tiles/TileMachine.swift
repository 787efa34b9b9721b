internal import CKernels
internal import WeirTensors

/// One worker's registers, and the loop that runs a program over them.
///
/// - Memory: `registerCount` tiles of `tileLength` elements, grown to the largest program seen.
@safe public final class TileMachine {
  /// Elements of a tile. Two inputs, a few intermediates and the result stay in the first two levels of cache.
  public static let standardTileLength = 2048

  let tileLength: Int
  /// The most elements that are ranked in one step.
  let rankStep: Int
  private var memory: UnsafeMutableRawPointer
  private var byteCount: Int
  private var stride = 0
  /// The register that lies elsewhere for the run at hand, and where.
  private var placed: (register: Int, address: UnsafeMutableRawPointer?) = (-1, nil)
  /// The ranks that the program at hand reads.
  let ranks = RankBench()

  /// - Parameter rankStep: the most elements that are ranked in one step; slices that are longer are read more than once.
  public init(tileLength: Int = TileMachine.standardTileLength, rankStep: Int = 1 << 17) {
    self.tileLength = max(1, tileLength)
    self.rankStep = max(1, rankStep)
    byteCount = 64
    unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
  }

  deinit { unsafe memory.deallocate() }

  /// Bytes that a run of a program needs.
  static func registerBytes(_ program: Program, _ precision: Precision, tileLength: Int) -> Int {
    program.registerCount * stride(precision, tileLength)
  }

  private static func stride(_ precision: Precision, _ tileLength: Int) -> Int {
    (tileLength * precision.byteCount + 63) / 64 * 64
  }

  /// Runs `bound` over elements `first ..< first + count` of its tensor; results stay in the registers.
  ///
  /// - Throws: ``NonFinite`` where an operand holds a NaN or an infinity and the program checks.
  ///
  /// - Parameter end: the first instruction that is left out; `nil` where all are run.
  func run(
    _ bound: BoundProgram, first: Int, count: Int, inputs: [InputWindow], end: Int? = nil
  ) throws(NonFinite) {
    let end = end ?? bound.program.instructions.count
    prepare(bound)
    // SAFETY: `prepare` made room for every register of the program at its precision; `count` is at most `tileLength`;
    // each input window covers the elements asked for, which its opener guarantees.
    switch bound.precision {
    case .single: try unsafe run(bound, Float.self, first, count, inputs, end)
    case .double: try unsafe run(bound, Double.self, first, count, inputs, end)
    }
  }

  private func run<Element: KernelElement>(
    _ bound: BoundProgram, _: Element.Type, _ first: Int, _ count: Int, _ inputs: [InputWindow], _ end: Int
  ) throws(NonFinite) {
    for instruction in bound.program.instructions[..<end] {
      try unsafe step(instruction, bound, Element.self, first, count, inputs)
    }
  }

  private func prepare(_ bound: BoundProgram) {
    stride = Self.stride(bound.precision, tileLength)
    let needed = max(64, Self.registerBytes(bound.program, bound.precision, tileLength: tileLength))
    guard needed > byteCount else { return }
    // SAFETY: registers hold nothing between runs.
    unsafe memory.deallocate()
    unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: needed, alignment: 64)
    byteCount = needed
  }

  /// The tile of a program's output.
  func output<Element>(_ index: Int, of bound: BoundProgram) -> UnsafeMutablePointer<Element> {
    unsafe register(bound.program.outputs[index], as: Element.self)
  }

  /// The tile in a register.
  func register<Element>(_ index: Int, as type: Element.Type) -> UnsafeMutablePointer<Element> {
    let address = unsafe index == placed.register ? placed.address : nil
    return unsafe (address ?? memory + index * stride).assumingMemoryBound(to: type)
  }

  /// Lets a register lie where its tile is wanted, if elements of the stored type are the working type's; whether they are.
  func setPlace(
    of register: Int, to address: UnsafeMutableRawPointer, _ dtype: DType, _ precision: Precision
  ) -> Bool {
    guard dtype == precision.dtype, UInt(bitPattern: address) % UInt(precision.byteCount) == 0 else { return false }
    unsafe placed = (register, address)
    return true
  }

  /// Ends what ``setPlace(of:to:_:_:)`` began.
  func clearPlace() { unsafe placed = (-1, nil) }
}
