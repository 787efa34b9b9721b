import TestSupport

@testable import WeirIO

/// A parser that strangers' bytes reach, as the fuzzer and the replay of its findings call it.
///
/// Every target takes any bytes whatever. It returns where they are refused, checks what the parser promises where they are
/// taken, and ends the process where that does not hold.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// JSON text.
  case json
  /// The text of a safetensors header.
  case header
  /// A checkpoint's index beside one shard.
  case index
  /// A model's config.
  case config
  /// The files of a tokenizer.
  case tokenizer
  /// The config of an adapter.
  case adapter
  /// The manifest of an output.
  case manifest
  /// A pipeline.
  case pipeline
  /// Numbers that steer a method, as JSON.
  case coefficients
  /// A whole archive, from its first byte on.
  case archive
  /// An archive's index, with its hash made right.
  case archiveIndex = "archive-index"
  /// A block of an archive, for the codec and the place that the first bytes choose.
  case block

  /// Hands the bytes to the parser.
  func run(_ bytes: [UInt8], on bench: FuzzBench) {
    switch self {
    case .json: Self.json(bytes)
    case .header: Self.header(bytes)
    case .index: Self.index(bytes, in: bench.folder)
    case .config: Self.config(bytes)
    case .tokenizer: Self.tokenizer(bytes)
    case .adapter: Self.adapter(bytes, in: bench.folder)
    case .manifest: Self.manifest(bytes, in: bench.folder)
    case .pipeline: Self.pipeline(bytes)
    case .coefficients: Self.coefficients(bytes, in: bench.folder)
    case .archive: Self.archive(bytes, in: bench.folder)
    case .archiveIndex: Self.archiveIndex(bytes)
    case .block: Self.block(bytes, with: bench.decoder)
    }
  }

  /// What a parser promises of what it has taken.
  static func promise(_ holds: Bool, _ what: String) { precondition(holds, what) }

  /// Whether a text can be shown on a terminal, and takes one line there.
  static func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value != 0x2028 && scalar.value != 0x2029
    }
  }
}

/// What targets keep from one input to the next, as a run keeps it from one block to the next.
final class FuzzBench {
  let folder: String
  let decoder: BlockDecoder

  /// Takes an empty folder to work in.
  init(folder: String) throws {
    self.folder = folder
    decoder = try BlockDecoder()
    try writeSafetensors(
      path: "\(folder)/model-1.safetensors",
      tensors: [("a", .f32, [2], float32Bytes([1, 2])), ("b", .f32, [1], float32Bytes([3]))])
  }
}
