import TestSupport
import Testing
import WeirIO
import WeirPipeline
import WeirTensors

struct ArchiveInspectionTests {
  /// Writes an archive of a dense norm, a matrix that is the base's, and a side file.
  private func makeArchive(_ path: String) throws {
    func info(_ name: String, _ shape: [Int]) throws -> TensorInfo {
      TensorInfo(name: name, dtype: .f32, shape: try #require(Shape(shape)))
    }
    let layout = try ArchiveLayout(
      kind: .checkpoint,
      tensors: [
        ArchiveLayout.Tensor(info: try info("norm", [4]), coding: .dense(.f32), base: ArchiveBase(dtype: .f32)),
        ArchiveLayout.Tensor(info: try info("w", [64, 32]), coding: .same, base: ArchiveBase(dtype: .f32)),
      ], shards: [],
      sideFiles: [
        ArchiveLayout.SideFile(
          name: "config.json", byteCount: 2, hash: TensorHasher.hash(of: [123, 125]), isSameAsBase: false),
        ArchiveLayout.SideFile(
          name: "tokenizer.json", byteCount: 9, hash: TensorHasher.hash(of: [1]), isSameAsBase: true),
      ], metadata: ["generator": "test"])
    let folder = try OutputFolder(finalPath: path, isFile: true)
    let writer = try ArchiveWriter(folder: folder, name: "x.tv.safetensors", layout: layout)
    try writer.append([123, 125], sideFile: 0, block: 0)
    try writer.append(float32Bytes([1, 2, 3, 4]), tensor: 0, block: 0)
    let hashes = (0..<2).map {
      ArchiveHashes(base: Hash128([UInt8($0)]), result: $0 == 1 ? Hash128([1]) : Hash128([9]))
    }
    try writer.finish(hashes: hashes)
    try folder.commit()
  }

  @Test func `An archive is told by its codecs, its sizes and what it applies to`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      try makeArchive(path)
      #expect(ArchiveInspection.isArchive(path))
      let inspection = try ArchiveInspection(path: path)
      let lines = inspection.text(tensors: true).split(separator: "\n").map(String.init)
      #expect(lines.contains("holds       all of a checkpoint"))
      #expect(lines.contains("parameters  2.05 K (2052)"))
      #expect(lines.contains("metadata    generator = test"))
      #expect(lines.contains("same         1      2.05 K   0 B                   0"))
      #expect(lines.contains("dense        1           4  16 B                32.0"))
      #expect(lines.contains("tokenizer.json   9 B  the base's own"))
      #expect(lines.contains("norm    dense  F32    [4]            1  16 B                32.0"))
      let json = inspection.json
      #expect(json["kind"]?.string == "checkpoint" && json["tensors"]?.array?.count == 2)
      #expect(json["base_fingerprint"]?.string?.count == 32)
    }
  }

  @Test func `Every block of a sound archive passes, and a flipped bit is named`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      try makeArchive(path)
      func verify() throws -> Verification {
        let request = try VerifyRequest(path)
        return try request.run(progress: Progress(bytesToRead: request.bytesToRead))
      }
      let sound = try verify()
      #expect(sound.isSound && sound.isArchive && sound.blockCount == 2 && sound.tensorCount == 2)
      var bytes = try readFile(path)
      bytes[bytes.count - 3] ^= 4
      try writeFile(path, bytes)
      let damaged = try verify()
      #expect(damaged.failures.map(\.tensor) == ["norm"])
      #expect(damaged.text.contains("x.tv.safetensors: tensor 'norm': "))
    }
  }
}
