import TestSupport
import Testing
import WeirTensors

@testable import WeirPipeline

/// A base, a model that was made from it, and what is said and known of their archives.
enum ArchiveModels {
  /// Odd shapes of every type: rows of 3 and of 1, a scalar, no elements, none of it aligned.
  static let shapes: [(name: String, dtype: DType, shape: [Int])] = [
    ("mask", .bool, [3]), ("embed.weight", .bf16, [37, 11]), ("empty", .f32, [0, 4]), ("l.0.norm", .bf16, [11]),
    ("l.0.w", .f32, [5, 3]), ("steps", .i64, [2]), ("l.0.s", .f32, []), ("l.1.w", .f16, [3, 130]),
    ("l.1.column", .bf16, [9, 1]), ("frozen", .bf16, [6, 5]), ("wide", .f64, [4, 3]), ("cube", .bf16, [3, 5, 7]),
    ("one", .f16, [1]), ("tail", .bf16, [0]), ("head.weight", .f32, [12, 29]),
  ]

  /// A base of random numbers, and a model of which most elements lie a little beside it.
  ///
  /// - Parameter isCoarse: whether numbers are small multiples of 1/64, so that sums are exact and many are equal.
  static func pair(seed: UInt64, isCoarse: Bool = false) -> (base: [TestTensor], tuned: [TestTensor]) {
    var random = SplitMix64(seed: seed)
    var base: [TestTensor] = []
    var tuned: [TestTensor] = []
    for (name, dtype, shape) in shapes {
      let count = shape.reduce(1, *)
      guard dtype.isMergeable else {
        let values = (0..<count).map { Double($0 % 2) }
        base.append(TestTensor(name, dtype, shape, values))
        tuned.append(TestTensor(name, dtype, shape, values.map { 1 - $0 }))
        continue
      }
      let values = (0..<count).map { _ in isCoarse ? random.dyadic() : random.next() % 16 == 0 ? 0 : random.signed() }
      base.append(TestTensor(name, dtype, shape, values))
      let changed = values.map { value in
        switch random.next() % 4 {
        case 0 where !isCoarse: value
        case 1: value + (isCoarse ? random.dyadic() : random.signed() / 8)
        default: value + (isCoarse ? Double(random.int(-2..<3)) / 64 : random.signed() / 64)
        }
      }
      tuned.append(TestTensor(name, dtype, shape, name == "frozen" ? values : changed))
    }
    return (base, tuned)
  }
}

/// How an archive is made of a scene's model `tuned` over `base`.
struct CodecCase: Sendable, CustomTestStringConvertible {
  /// The members of the output.
  let text: String
  /// What the archive adds to the base, by tensor.
  let prepared: @Sendable (PlainDelta) -> [[Float]]

  init(_ text: String, _ prepared: @escaping @Sendable (PlainDelta) -> [[Float]]) {
    self.text = text
    self.prepared = prepared
  }

  var testDescription: String { text }

  /// The name of the codec.
  var codec: String { String(text.dropFirst(10).prefix { $0 != "\"" }) }

  static let lossy: [CodecCase] = [
    CodecCase(#""codec": "ternary""#) { $0.ternary(density: 0.05) },
    CodecCase(#""codec": "ternary", "density": 0.2, "alpha": 1.5, "coding": "auto""#) {
      $0.ternary(density: 0.2, alpha: 1.5)
    },
    CodecCase(#""codec": "ternary", "density": 0.1, "ties": "paper", "coding": "plane""#) {
      $0.ternary(density: 0.1, isPaper: true)
    },
    CodecCase(#""codec": "ternary", "density": 0.3, "scope": "tensor", "coding": "context""#) {
      $0.ternary(density: 0.3, scope: .tensor)
    },
    CodecCase(#""codec": "ternary", "density": 0.3, "scope": "tensor", "ties": "paper", "scale": "mean""#) {
      $0.ternary(density: 0.3, scope: .tensor, isPaper: true, isMean: true)
    },
    CodecCase(#""codec": "ternary", "density": 0.25, "scale": "mean", "scale_scope": "model""#) {
      $0.ternary(density: 0.25, isMean: true, scale: .model)
    },
    CodecCase(#""codec": "ternary", "density": 0.25, "scale": "mean", "scale_scope": "row", "coding": "context""#) {
      $0.ternary(density: 0.25, isMean: true, scale: .row)
    },
    CodecCase(#""codec": "ternary", "density": 0.4, "scale_scope": "tensor", "coding": "auto""#) {
      $0.ternary(density: 0.4, scale: .tensor)
    },
    CodecCase(#""codec": "ternary", "density": 0.4, "scale_scope": "row", "alpha": 0.5, "coding": "auto""#) {
      $0.ternary(density: 0.4, alpha: 0.5, scale: .row)
    },
    CodecCase(#""codec": "ternary", "density": 1"#) { $0.ternary(density: 1) },
    CodecCase(#""codec": "ternary", "density": 0.001, "scope": "tensor""#) {
      $0.ternary(density: 0.001, scope: .tensor)
    },
    CodecCase(#""codec": "sign""#) { $0.sign() },
    CodecCase(#""codec": "sign", "scale_scope": "row", "alpha": 2"#) { $0.sign(alpha: 2, scale: .row) },
    CodecCase(#""codec": "seeded", "density": 0.3, "seed": 7"#) { $0.seeded(density: 0.3, seed: 7) },
    CodecCase(#""codec": "seeded", "density": 0.5, "seed": 8, "scale_scope": "row", "alpha": 0.75"#) {
      $0.seeded(density: 0.5, seed: 8, alpha: 0.75, scale: .row)
    },
    CodecCase(#""codec": "seeded", "density": 1"#) { $0.seeded(density: 1, seed: 0) },
    CodecCase(#""codec": "dare", "density": 0.3, "seed": 9"#) { $0.dare(density: 0.3, seed: 9) },
    CodecCase(#""codec": "dare", "density": 1"#) { $0.dare(density: 1, seed: 0) },
    CodecCase(#""codec": "sparse", "density": 0.2"#) { $0.sparse(density: 0.2) },
    CodecCase(#""codec": "sparse", "density": 0.5, "scope": "tensor""#) { $0.sparse(density: 0.5, scope: .tensor) },
    CodecCase(#""codec": "dense""#) { $0.dense() },
    CodecCase(#""codec": "dense", "values": "bf16""#) { $0.dense(isBF16: true) },
    CodecCase(
      #""codec": [{"for": "*norm*", "codec": "dense"}, {"for": "l.*", "codec": "ternary", "density": 0.3}, {"codec": "sign"}]"#
    ) { delta in
      let dense = delta.only { $0.contains("norm") }
      let ternary = delta.only { !$0.contains("norm") && $0.hasPrefix("l.") }
      let sign = delta.only { !$0.contains("norm") && !$0.hasPrefix("l.") }
      var found: [String: [Float]] = [:]
      for (part, values) in [
        (dense, dense.dense()), (ternary, ternary.ternary(density: 0.3)), (sign, sign.sign()),
      ] {
        for (part, values) in zip(part.parts, values) { found[part.name] = values }
      }
      return delta.parts.map { found[$0.name] ?? [] }
    },
  ]
}

extension Scene {
  /// The pipeline that archives `tuned` over `base`.
  func compressText(
    _ more: String, to name: String = "x.tv.safetensors", from: String = "tuned", base: String? = "base"
  )
    -> String
  {
    let sources = Set([from] + (base.map { [$0] } ?? [])).sorted().map { #""\#($0)": "\#($0)""# }
    let entry = base.map { #", "base": "\#($0)""# } ?? ""
    return """
      {"weir": 1, "sources": {\(sources.joined(separator: ", "))},
       "outputs": [{"from": "\(from)", "to": "\(name)"\(entry), \(more)}]}
      """
  }

  /// The pipeline that applies an archive to a base.
  func applyText(
    _ name: String = "x.tv.safetensors", to out: String = "out", base: String? = "base", more: String = ""
  ) -> String {
    let source = base.map { #"{"archive": "\#(name)", "base": "\#($0)"}"# } ?? #"{"archive": "\#(name)"}"#
    let entry = base.map { #""\#($0)": "\#($0)", "# } ?? ""
    return """
      {"weir": 1, "sources": {\(entry)"x": \(source)}, "outputs": [{"from": "x", "to": "\(out)"\(more)}]}
      """
  }

  /// Writes the pair as the folders `base` and `tuned`.
  func add(_ pair: (base: [TestTensor], tuned: [TestTensor])) throws {
    try add("base", pair.base)
    try add("tuned", pair.tuned)
  }
}
