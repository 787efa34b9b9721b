import TestSupport
import WeirTensors

@testable import WeirIO

/// An archive made by somebody who recomputes every hash, so that only what makes no sense gives it away.
struct ArchiveForgery {
  var index: ArchiveIndex
  /// The blocks, one after the other.
  var payloads: [[UInt8]]
  var metadata: [String: String] = [:]
  /// The text of the header, after it was made.
  var header: (String) -> String = { $0 }
  /// The bytes of the index before its own hash, after they were made.
  var change: (inout [UInt8]) -> Void = { _ in }
  /// The length that the names' table claims beyond its own.
  var namesExcess = 0
  /// Zeros between the blocks of the index and its hash.
  var room = 0

  /// One dense tensor, one coded in two blocks, a side file and a shard of the original.
  static var sound: ArchiveForgery {
    let none = Hash128(high: 0, low: 0)
    let tensors = [
      ArchiveFixture.tensor("a", .f32, [2], .dense(.f32)), ArchiveFixture.tensor("b", .bf16, [3, 1 << 18], .lossless),
    ]
    let original = OutputHeader.bytes(for: tensors.map(\.info)[...], metadata: [:])
    let index = ArchiveIndex(
      kind: .checkpoint,
      tensors: tensors.enumerated().map {
        ArchiveIndex.Tensor(
          info: $1.info, coding: $1.coding, base: $1.base, baseHash: Hash128([1, UInt8($0)]),
          resultHash: Hash128([2, UInt8($0)]))
      },
      shards: [.init(name: "model.safetensors", byteCount: original.count, hash: TensorHasher.hash(of: original))],
      sideFiles: [
        .init(name: "config.json", byteCount: 2, isStored: true, hash: TensorHasher.hash(of: Array("{}".utf8))),
        .init(name: "vocab.txt", byteCount: 9, isStored: false, hash: none),
      ], headerHash: none)
    return ArchiveForgery(
      index: index,
      payloads: [[0] + original, [0] + Array("{}".utf8), float32Bytes([1, 2]), [1, 2, 3], [4, 5, 6, 7]])
  }

  /// The file, all hashes right.
  func bytes() -> [UInt8] {
    var index = index
    index.blockByteCounts = payloads.map(\.count)
    index.checksums = payloads.map { $0.withUnsafeBytes { BlockChecksum.of($0) } }
    let plain = index.plainNames
    let names = ArchiveIndex.Names(bytes: plain.bytes, byteCount: plain.byteCount + namesExcess, isCompressed: false)
    let byteCount = index.byteCount(names, blockCount: payloads.count) + room
    let entries = [ArchiveHeader.entry(ofIndex: byteCount)] + entries(of: index)
    let whole = ArchiveHeader.metadata(for: index, [:]).merging(metadata) { $1 }
    let text = OutputHeader.text(for: entries[...], metadata: whole)
    let changed = Array(header(String(decoding: text[8...], as: UTF8.self)).utf8)
    let header = OutputHeader.finished(text[..<8] + changed, byteCount: changed.count + 8)
    index.headerHash = Hash128(header)
    var body = Array(index.bytes(names, byteCount: byteCount).dropLast(16))
    change(&body)
    return header + body + Hash128(body).bytes + payloads.joined()
  }

  /// The entries of a header, which share the blocks that there are, whatever the items call for.
  private func entries(of index: ArchiveIndex) -> [TensorInfo] {
    var entries: [TensorInfo] = []
    var first = 0
    let items = index.items.filter { $0.blockCount > 0 }
    for (place, item) in items.enumerated() {
      let all = index.blockByteCounts.count
      let last = place == items.count - 1 ? all : min(all, first + min(item.blockCount, 100))
      let byteCount = index.blockByteCounts[first..<last].reduce(0, +)
      let entry = item.entry(byteCount: byteCount)
      entries.append(
        entry.flatMap { $0.byteCount == byteCount ? $0 : nil }
          ?? TensorInfo(name: item.entryName, dtype: .u8, shape: Shape(vector: byteCount)))
      first = last
    }
    return entries
  }

  /// What opening the forgery and reading all of it finds first; `nil` where nothing.
  func finding(in folder: String) throws -> String? {
    let path = "\(folder)/forged.tv.safetensors"
    try writeFile(path, bytes())
    let failures = Archive.verify(path, policy: .read).failures
    do {
      _ = try Archive.open(path, policy: .read)
    } catch {
      guard error == failures.first else { return "opening says \(error)" }
    }
    return failures.first.map { String($0.description.dropFirst(path.count + 2)) }
  }
}
