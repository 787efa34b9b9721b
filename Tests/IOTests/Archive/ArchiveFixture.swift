import Foundation
import TestSupport
import WeirTensors

@testable import WeirIO

/// An archive of random payloads, which need not be those of any codec.
struct ArchiveFixture {
  var kind = ArchiveKind.checkpoint
  var tensors: [ArchiveLayout.Tensor] = []
  var shards: [ArchiveLayout.Shard] = []
  /// Contents, and whether they are stored.
  var sideFiles: [(name: String, bytes: [UInt8], isStored: Bool)] = []
  var metadata: [String: String] = ["generator": "test"]
  var metadataRoom = 512
  var seed: UInt64 = 1

  /// The payload of a block.
  static func payload(_ random: inout SplitMix64, _ limits: ClosedRange<Int>) -> [UInt8] {
    let count = limits.lowerBound + random.int(0..<min(40, limits.count))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  func layout() throws -> ArchiveLayout {
    try ArchiveLayout(
      kind: kind, tensors: tensors, shards: shards,
      sideFiles: sideFiles.map {
        ArchiveLayout.SideFile(
          name: $0.name, byteCount: $0.bytes.count, hash: TensorHasher.hash(of: $0.bytes), isSameAsBase: !$0.isStored)
      }, metadata: metadata, metadataRoom: metadataRoom)
  }

  /// Writes the archive; returns the payloads of its tensors' blocks, tensor by tensor, the shared one first.
  @discardableResult
  func write(to path: String) throws -> [[[UInt8]]] {
    var random = SplitMix64(seed: seed)
    let folder = try OutputFolder(finalPath: path, isFile: true)
    let writer = try ArchiveWriter(folder: folder, name: "archive", layout: try layout())
    for (place, file) in sideFiles.enumerated() where file.isStored {
      for (block, start) in stride(from: 0, to: file.bytes.count, by: 1 << 19).enumerated() {
        try writer.append(
          Array(file.bytes[start..<min(start + 1 << 19, file.bytes.count)]), sideFile: place, block: block)
      }
    }
    var payloads: [[[UInt8]]] = []
    for (place, tensor) in tensors.enumerated() {
      let item = ArchiveItem(tensor.info, tensor.coding)
      var blocks: [[UInt8]] = []
      for block in 0..<item.blockCount {
        let payload = Self.payload(&random, item.byteCounts(ofBlock: block))
        blocks.append(payload)
        if item.hasSharedBlock, block == 0 {
          try writer.appendShared(payload, tensor: place)
        } else {
          try writer.append(payload, tensor: place, block: item.hasSharedBlock ? block - 1 : block)
        }
      }
      payloads.append(blocks)
    }
    try writer.finish(hashes: hashes())
    try folder.commit()
    return payloads
  }

  /// Made-up hashes of the tensors.
  func hashes() -> [ArchiveHashes] {
    tensors.enumerated().map { place, tensor in
      let base = tensor.base == nil ? nil : Hash128([UInt8(place), 1])
      return ArchiveHashes(base: base, result: tensor.coding == .same ? base : Hash128([UInt8(place), 2]))
    }
  }

  /// A tensor with a base of its own type, unless it is stored.
  static func tensor(
    _ name: String, _ dtype: DType, _ shape: [Int], _ coding: ArchiveCoding, rows: Int? = nil
  ) -> ArchiveLayout.Tensor {
    ArchiveLayout.Tensor(
      info: TensorInfo(name: name, dtype: dtype, shape: Shape(shape) ?? Shape(vector: 0)), coding: coding,
      base: coding == .stored ? nil : ArchiveBase(dtype: dtype, rowCount: rows))
  }

  /// One tensor of every coding.
  static var everyCoding: [ArchiveLayout.Tensor] {
    let mask = SeededMask(key: 0x0123_4567_89AB_CDEF, limit: 1 << 50)
    return [
      tensor("same", .bf16, [3, 5], .same), tensor("stored", .i64, [7], .stored),
      tensor("dense.f32", .bf16, [2, 3], .dense(.f32)), tensor("dense.bf16", .f32, [4], .dense(.bf16)),
      tensor("ternary", .bf16, [100, 6000], .ternary), tensor("plane", .f16, [3], .ternaryPlane),
      tensor("context", .bf16, [2, 2], .ternaryContext), tensor("sign", .f32, [9], .sign),
      tensor("seeded", .bf16, [9, 9], .seeded(mask)), tensor("dare", .bf16, [9, 9], .dare(mask)),
      tensor("sparse", .bf16, [1 << 19, 3], .sparse(isExact: false)),
      tensor("lossless", .bf16, [5, 700], .lossless, rows: 4),
      tensor("lowrank", .bf16, [6, 8], .lowrank(rank: 2)), tensor("none", .f32, [0, 4], .lossless),
      tensor("scalar", .f32, [], .lossless), tensor("größe \"x\"", .f64, [2], .stored),
    ]
  }

  /// The headers of files that hold the tensors, `count` to each.
  static func shards(of tensors: [ArchiveLayout.Tensor], each count: Int) -> [ArchiveLayout.Shard] {
    stride(from: 0, to: tensors.count, by: count).enumerated().map { number, first in
      let held = tensors[first..<min(first + count, tensors.count)]
      return ArchiveLayout.Shard(
        name: "model-\(number).safetensors",
        header: OutputHeader.bytes(for: held.map(\.info)[...], metadata: ["format": "pt"]))
    }
  }
}

/// Overwrites one byte of a file.
func writeByte(_ path: String, _ place: Int, _ byte: UInt8) throws {
  guard let file = fopen(path, "r+") else { throw FixtureError("fopen", path) }
  defer { fclose(file) }
  guard fseek(file, place, SEEK_SET) == 0, fputc(Int32(byte), file) != EOF else { throw FixtureError("fputc", path) }
}
