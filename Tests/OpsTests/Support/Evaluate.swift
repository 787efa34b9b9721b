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
  var storage = Operands(operands, double: double)
  let frame = TensorFrame(
    shape: shape, dtypes: operands.map { _ in double ? .f64 : .f32 }, checksFinite: true)
  let computation = Computation(applying: root, over: frame, model: try gatherModel(root, frame, &storage, cut))
  let machine = TileMachine(tileLength: cut.tile)
  try sweepAll(computation, machine, &storage, cut)
  var result = [Double](repeating: 0, count: shape.elementCount)
  let application = computation.application()
  try storage.withWindows { windows in
    try result.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      try machine.apply(application, to: 0..<shape.elementCount, inputs: windows, into: start, as: .f64)
    }
  }
  return result
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
      try storage.withWindows { windows in try machine.sweep(&state, to: .max, inputs: windows) }
      computation.absorb(state.finish())
    }
    computation.finishSweep()
  }
}

/// The model-scope statistics of an expression whose tensor is the whole model.
private func gatherModel(_ root: Value, _ frame: TensorFrame, _ storage: inout Operands, _ cut: Cut) throws
  -> ModelStatistics
{
  var known = ModelStatistics()
  for level in 0..<root.modelSweepLevels {
    let gather = ModelGather(
      node: "node", level: level, elementCounts: [frame.elementCount], precision: frame.precision,
      leastSampled: cut.samplesFrom)
    repeat {
      guard let part = gather.computation(of: root, tensor: 0, over: frame, known: known) else { continue }
      try sweepAll(part, TileMachine(tileLength: cut.tile), &storage, cut)
      gather.absorb(part, tensor: 0)
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

/// A method called as a pipeline would, on one tensor.
struct Call: Sendable {
  var base: [Double]?
  var models: [[Double]]
  var shape: [Int]?
  var numbers: [String: Double] = [:]
  var perModel: [String: [Double]] = [:]
  var flags: [String: Bool] = [:]
  var choices: [String: String] = [:]
  var name = "w"

  func run(_ method: String, cut: Cut = Cut(), double: Bool = true) throws -> [Double] {
    guard let type = MethodRegistry.method(named: method) else { throw MethodError("no method '\(method)'") }
    let graph = ExpressionGraph()
    let count = models[0].count
    guard let shape = Shape(shape ?? [count]) else { return [] }
    let operands = (base.map { [$0] } ?? []) + models
    let offset = base == nil ? 0 : 1
    let merge = Merge(
      node: "node", tensor: TensorInfo(name: name, dtype: double ? .f64 : .f32, shape: shape),
      base: base.map { _ in graph.input(0) },
      models: models.indices.map { index in
        (
          index: index, value: graph.input(index + offset), isDelta: false,
          numbers: numbers.merging(perModel.mapValues { $0[index] }) { $1 }
        )
      }, modelElementCount: count, numbers: numbers, flags: flags, choices: choices)
    return try evaluate(try type.merge(merge), operands, shape: shape, cut: cut, double: double)
  }
}
