import WeirTensors

@testable import WeirOps

/// How a test cuts the work: tile length, and units per claim of a sweep, as threads would.
struct Cut: Sendable, CustomStringConvertible {
  var tile = 4096
  var unitsPerClaim = 3
  var reversesClaims = false
  /// The elements from which on a model is sampled before its keys are counted.
  var samplesFrom = 1 << 22

  var description: String { "tile \(tile), \(unitsPerClaim) units a claim\(reversesClaims ? ", backwards" : "")" }

  static let all = [
    Cut(tile: 1, unitsPerClaim: 1), Cut(tile: 7, unitsPerClaim: 2, reversesClaims: true), Cut(tile: 4096),
    Cut(tile: 1 << 20, unitsPerClaim: 1000),
  ]
}

/// Evaluates a value over operands in memory, as the pipeline's executor does over files.
func evaluate(_ root: Value, _ operands: [[Double]], shape: Shape, cut: Cut = Cut(), double: Bool = true) throws
  -> [Double]
{
  try evaluate([Tensor(root: root, operands: operands, shape: shape)], cut: cut, double: double)[0]
}

/// One tensor of a model: its expression, and what that reads.
struct Tensor {
  let root: Value
  let operands: [[Double]]
  let shape: Shape

  fileprivate func frame(_ double: Bool) -> TensorFrame {
    TensorFrame(shape: shape, dtypes: operands.map { _ in double ? .f64 : .f32 }, checksFinite: true)
  }
}

/// Evaluates all tensors of a model, after the statistics that they share.
func evaluate(_ tensors: [Tensor], cut: Cut = Cut(), double: Bool = true) throws -> [[Double]] {
  var storages = tensors.map { Operands($0.operands, double: double) }
  let known = try gatherModel(tensors, &storages, cut, double)
  return try tensors.enumerated().map { number, tensor in
    let count = tensor.shape.elementCount
    let computation = Computation(applying: tensor.root, over: tensor.frame(double), model: known)
    let machine = TileMachine(tileLength: cut.tile, rankStep: max(5, cut.tile))
    try sweepAll(computation, machine, &storages[number], cut)
    var result = [Double](repeating: 0, count: count)
    let application = computation.application()
    if let failure = computation.failure { throw MethodError(failure.message) }
    try storages[number].withWindows { windows in
      try result.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        // Where ranks are read, in steps that cut slices.
        let length = min(count, machine.rankSteps(of: application).longest)
        for first in stride(from: 0, to: count, by: max(1, length)) {
          let elements = first..<min(first + length, count)
          try machine.rank(application, elements, from: OpenWindows(windows: windows, longest: cut.tile + 2))
          try machine.apply(application, to: elements, inputs: windows, into: start + first * 8, as: .f64)
        }
      }
    }
    return result
  }
}

/// Runs every sweep of a computation.
func sweepAll(_ computation: Computation, _ machine: TileMachine, _ storage: inout Operands, _ cut: Cut) throws {
  while let sweep = computation.nextSweep() {
    var claims = stride(from: sweep.units.lowerBound, to: sweep.units.upperBound, by: cut.unitsPerClaim).map {
      $0..<min($0 + cut.unitsPerClaim, sweep.units.upperBound)
    }
    if cut.reversesClaims { claims.reverse() }
    for claim in claims {
      var state = SweepState(sweep, units: claim)
      try storage.withWindows { windows in
        for unit in claim where !machine.rankSteps(of: sweep).isTrivial {
          let elements = sweep.elements(of: unit)
          try machine.rank(sweep, elements, from: OpenWindows(windows: windows, longest: cut.tile + 2))
          try machine.sweep(&state, to: elements.upperBound, inputs: windows)
        }
        try machine.sweep(&state, to: .max, inputs: windows)
      }
      computation.absorb(state.finish())
    }
    computation.finishSweep()
  }
}

/// Operands that are all open, of which a ranking gets a few elements at a time.
private struct OpenWindows: ElementSource {
  let windows: [InputWindow]
  let longest: Int

  func part(of elements: Range<Int>) -> Range<Int> {
    elements.lowerBound..<min(elements.upperBound, elements.lowerBound + longest)
  }
  func open(_ slots: [Int], _ elements: Range<Int>) throws(NonFinite) -> [InputWindow] { windows }
  func failure(_ error: NonFinite) -> NonFinite { error }
}

extension RankSteps {
  /// Whether nothing is ranked.
  fileprivate var isTrivial: Bool { longest == .max }
}

/// The model-scope statistics of all tensors' expressions.
private func gatherModel(_ tensors: [Tensor], _ storages: inout [Operands], _ cut: Cut, _ double: Bool) throws
  -> ModelStatistics
{
  var known = ModelStatistics()
  for level in 0..<(tensors.map(\.root.modelSweepLevels).max() ?? 0) {
    let gather = ModelGather(
      node: "node", level: level, elementCounts: tensors.map(\.shape.elementCount),
      precision: double ? .double : .single,
      leastSampled: cut.samplesFrom)
    repeat {
      for (number, tensor) in tensors.enumerated() {
        guard
          let part = gather.computation(of: tensor.root, tensor: number, over: tensor.frame(double), known: known)
        else { continue }
        try sweepAll(part, TileMachine(tileLength: cut.tile, rankStep: max(5, cut.tile)), &storages[number], cut)
        gather.absorb(part, tensor: number)
      }
    } while gather.finishRound()
    gather.merge(into: &known)
  }
  return known
}

/// Operands as bytes, at an odd address, since files promise no alignment.
struct Operands {
  private var bytes: [[UInt8]]

  init(_ operands: [[Double]], double: Bool) {
    bytes = operands.map { values in
      [0]
        + values.flatMap { value in
          double ? withUnsafeBytes(of: value) { Array($0) } : withUnsafeBytes(of: Float(value)) { Array($0) }
        }
    }
  }

  mutating func withWindows<Result>(_ body: ([InputWindow]) throws -> Result) throws -> Result {
    try withPointers(bytes[...], [], body)
  }

  private func withPointers<Result>(
    _ rest: ArraySlice<[UInt8]>, _ windows: [InputWindow], _ body: ([InputWindow]) throws -> Result
  ) throws -> Result {
    guard let first = rest.first else { return try body(windows) }
    return try first.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return try body(windows) }
      return try withPointers(rest.dropFirst(), windows + [InputWindow(address: start + 1, first: 0)], body)
    }
  }
}
