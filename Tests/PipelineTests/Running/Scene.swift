import Foundation
import TestSupport
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// A tensor with its bytes, of an input that a test makes or of an output that it looks at.
struct TestTensor: Equatable, Sendable {
  let name: String
  let dtype: DType
  let shape: [Int]
  let bytes: [UInt8]

  init(_ name: String, _ dtype: DType, _ shape: [Int], bytes: [UInt8]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  init(_ name: String, _ dtype: DType, _ shape: [Int], _ values: [Double]) {
    self.init(name, dtype, shape, bytes: storedBytes(values, as: dtype))
  }

  /// A vector of F32.
  init(_ name: String, _ values: [Double]) { self.init(name, .f32, [values.count], values) }

  /// Random numbers of moderate size, some of them zero.
  init(_ name: String, _ dtype: DType, _ shape: [Int], random generator: inout SplitMix64) {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { _ in generator.next() % 16 == 0 ? 0 : generator.signed() }
    self.init(name, dtype, shape, values)
  }

  /// Random BF16 numbers, made fast enough for millions.
  init(_ name: String, largeBF16 shape: [Int], random generator: inout SplitMix64) {
    let count = shape.reduce(1, *)
    var words = [UInt64](repeating: 0, count: (count + 3) / 4)
    // Exponents of 2⁻¹⁶ to 1 − ε, all signs and fractions.
    for place in words.indices {
      words[place] = generator.next() & 0x87FF_87FF_87FF_87FF | 0x3800_3800_3800_3800
    }
    self.init(name, .bf16, shape, bytes: words.withUnsafeBytes { Array($0.prefix(2 * count)) })
  }

  var values: [Double] { storedValues(bytes, as: dtype) }

  var fixture: FixtureTensor { (name: name, dtype: dtype, shape: shape, bytes: bytes) }
}

/// A folder of models in which a test runs pipelines.
struct Scene {
  let folder: String

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Writes a model folder of one file.
  func add(_ name: String, _ tensors: [TestTensor], config: String? = nil) throws {
    try makeFolder(path(name))
    try writeSafetensors(path: path("\(name)/model.safetensors"), tensors: tensors.map(\.fixture))
    if let config { try writeFile(path("\(name)/config.json"), config) }
  }

  func spec(_ text: String) throws(PipelineError) -> PipelineSpec { try parse(text, folder: folder) }

  func plan(_ text: String, _ options: RunOptions = .test) throws(PipelineError) -> Plan {
    try Plan.make(try spec(text), options: options)
  }

  @discardableResult
  func run(_ text: String, _ options: RunOptions = .test) throws(PipelineError) -> RunReport {
    let plan = try plan(text, options)
    return try plan.run(progress: Progress(plan))
  }

  /// Everything that is said against a pipeline by planning or by running it.
  func complaints(_ text: String, _ options: RunOptions = .test) -> [String] {
    do {
      try run(text, options)
      return []
    } catch {
      return error.diagnostics.map(\.message)
    }
  }

  /// The tensors of a checkpoint, in their order.
  func list(_ name: String) throws -> [TestTensor] {
    let checkpoint = try Checkpoint.open(path(name))
    let files = try checkpoint.files.map { try readFile($0.path) }
    return zip(checkpoint.catalogue.tensors, checkpoint.locations).map { tensor, location in
      TestTensor(
        tensor.name, tensor.dtype, tensor.shape.extents, bytes: Array(files[location.file][location.bytes]))
    }
  }

  /// The tensors of a checkpoint by name.
  func tensors(_ name: String) throws -> [String: TestTensor] {
    Dictionary(try list(name).map { ($0.name, $0) }) { first, _ in first }
  }

  /// The names in the folder, hidden ones included.
  func names(_ name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: name.isEmpty ? folder : path(name)).sorted()
  }

  /// What there is under final names: not the hidden folders from which a later run may go on.
  func finishedNames() throws -> [String] { try names().filter { !$0.hasSuffix(".weir-partial") } }

  func text(_ name: String) throws -> String { String(decoding: try readFile(path(name)), as: UTF8.self) }
}

extension RunOptions {
  /// Two threads, whatever the machine has.
  static let test = RunOptions(threads: 2)
}

/// Runs `body` in a new folder.
func withScene<Result>(_ body: (Scene) throws -> Result) throws -> Result {
  try withTemporaryDirectory { try body(Scene(folder: $0)) }
}

/// A pipeline over sources that are folders of the scene by the same names.
func pipeline(
  _ sources: [String], deltas: [String] = [], graph: [(String, String)], outputs: [(String, String)], more: String = "",
  outputMore: String = ""
) -> String {
  let entries =
    sources.map { #""\#($0)": "\#($0)""# } + deltas.map { #""\#($0)": {"path": "\#($0)", "space": "delta"}"# }
  let nodes = graph.map { #""\#($0.0)": \#($0.1)"# }
  let places = outputs.map { #"{"from": "\#($0.0)", "to": "\#($0.1)"\#(outputMore)}"# }
  return """
    {"weir": 1, \(more)"sources": {\(entries.joined(separator: ", "))},
     "graph": {\(nodes.joined(separator: ",\n  "))},
     "outputs": [\(places.joined(separator: ",\n  "))]}
    """
}
