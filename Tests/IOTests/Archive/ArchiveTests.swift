import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct ArchiveTests {
  /// Runs `body` with an archive that has something of everything, its path, and its payloads.
  private func withArchive(
    _ change: (inout ArchiveFixture) -> Void = { _ in }, _ body: (ArchiveFixture, String, [[[UInt8]]]) throws -> Void
  ) throws {
    try withTemporaryDirectory { folder in
      var fixture = ArchiveFixture(tensors: ArchiveFixture.everyCoding)
      fixture.shards = ArchiveFixture.shards(of: fixture.tensors, each: 5)
      fixture.sideFiles = [
        ("config.json", Array("{}".utf8), true), ("tokenizer.json", Array(repeating: 7, count: 1_200_000), true),
        ("vocab.txt", [1, 2, 3], false), ("1_Pooling/config.json", [], true),
      ]
      fixture.metadata = ["generator": "test", "method": "compeft", "ключ": "a \"b\"\n"]
      change(&fixture)
      let path = "\(folder)/x.tv.safetensors"
      try body(fixture, path, fixture.write(to: path))
    }
  }

  @Test func `What was written opens as it was laid out`() throws {
    try withArchive { fixture, path, payloads in
      let archive = try Archive.open(path)
      #expect(archive.kind == .checkpoint)
      #expect(archive.tensors.map(\.info) == fixture.tensors.map(\.info))
      #expect(archive.catalogue.tensors == fixture.tensors.map(\.info))
      #expect(archive.tensors.map(\.coding) == fixture.tensors.map(\.coding))
      #expect(archive.tensors.map(\.base) == fixture.tensors.map(\.base))
      #expect(archive.tensors.map { ArchiveHashes(base: $0.baseHash, result: $0.resultHash) } == fixture.hashes())
      #expect(archive.shards.map(\.header) == fixture.shards.map(\.header))
      #expect(archive.shards.map(\.tensors) == [0..<5, 5..<10, 10..<15, 15..<16])
      #expect(archive.shards[3].fileByteCount == fixture.shards[3].header.count + 16)
      let bytes = try readFile(path)
      for (tensor, blocks) in zip(archive.tensors, payloads) {
        let numbers = (tensor.sharedBlock.map { [$0] } ?? []) + tensor.blocks
        #expect(numbers.map { Array(bytes[archive.blocks[$0]]) } == blocks)
        for (number, block) in zip(numbers, blocks) {
          try block.withUnsafeBytes { try archive.check($0, block: number) }
        }
      }
      #expect(Archive.verify(path).failures == [])
      #expect(Archive.verify(path).blockCount == archive.blocks.count)
    }
  }

  @Test func `An archive is a safetensors file whose metadata say what it is`() throws {
    try withArchive { fixture, path, _ in
      let header = try SafetensorsHeader.read(path)
      #expect(header.tensors.first?.name == "__tva_index__")
      #expect(header.dataOffset % 64 == 0)
      let archive = try Archive.open(path)
      let fingerprints = [archive.baseFingerprint, archive.resultFingerprint].map { $0?.description }
      let expected: [String: String?] = [
        "format": "tva", "tva_version": "1", "min_reader": "1", "index": "__tva_index__", "kind": "checkpoint",
        "codecs":
          "same,stored,dense,ternary,ternary_plane,ternary_context,sign,seeded,dare,sparse,lossless,lowrank",
        "params": "\(fixture.tensors.reduce(0) { $0 + $1.info.elementCount })", "base_fingerprint": fingerprints[0],
        "result_fingerprint": fingerprints[1],
      ]
      #expect(header.metadata == fixture.metadata.merging(expected.compactMapValues { $0 }) { $1 })
      #expect(archive.metadata == header.metadata)
      let dense = header.tensors.first { $0.name == "dense.f32.delta" }
      #expect(dense == TensorInfo(name: "dense.f32.delta", dtype: .f32, shape: try #require(Shape([2, 3]))))
      let named = zip(fixture.tensors.map(\.info.name), fixture.hashes())
      #expect(
        archive.baseFingerprint
          == Fingerprint.of(named.compactMap { name, hashes in hashes.base.map { (name: name, hash: $0) } }))
    }
  }

  @Test func `Side files come back, those of the base by hash alone`() throws {
    try withArchive { fixture, path, _ in
      let archive = try Archive.open(path, policy: .read)
      #expect(archive.sideFiles.map(\.isSameAsBase) == [false, false, true, false])
      #expect(archive.sideFiles.map(\.hash) == fixture.sideFiles.map { TensorHasher.hash(of: $0.bytes) })
      let scratch = try Scratch()
      let folder = try OutputFolder(finalPath: scratch.path("out"))
      for (file, expected) in zip(archive.sideFiles, fixture.sideFiles) where !file.isSameAsBase {
        #expect(try archive.contents(of: file) == expected.bytes)
        try archive.write(file, into: folder)
      }
      try folder.commit()
      for file in fixture.sideFiles where file.isStored { #expect(try scratch.bytes("out/\(file.name)") == file.bytes) }
      #expect(try scratch.names("out") == ["1_Pooling", "config.json", "tokenizer.json"])
    }
  }

  @Test func `A side file that changes between two looks is refused`() throws {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/config.json", "{ }")
      let bytes = Array("{}".utf8)
      let file = ArchiveLayout.SideFile(
        name: "config.json", byteCount: 3, hash: TensorHasher.hash(of: bytes), isSameAsBase: false)
      let output = try OutputFolder(finalPath: "\(folder)/x.tv.safetensors", isFile: true)
      let layout = try ArchiveLayout(kind: .delta, tensors: [], sideFiles: [file])
      let writer = try ArchiveWriter(folder: output, name: "x", layout: layout)
      let error = #expect(throws: CheckpointError.self) {
        try writer.copySideFile(0, from: "\(folder)/config.json")
      }
      #expect(
        error?.description
          == "\(folder)/config.json: file has changed since it was first read, expected no change during a run")
    }
  }

  @Test func `Every block that is damaged is reported by name`() throws {
    try withArchive { fixture, path, _ in
      let archive = try Archive.open(path)
      let bytes = try readFile(path)
      let ternary = try #require(archive.tensors.first { $0.info.name == "ternary" })
      let lowrank = try #require(archive.tensors.first { $0.info.name == "lowrank" })
      let file = try #require(archive.sideFiles[1].blocks)
      let damaged = [0, file.lowerBound + 1, ternary.blocks.lowerBound + 1, lowrank.sharedBlock ?? 0]
      for block in damaged {
        let place = archive.blocks[block].lowerBound
        try writeByte(path, place, bytes[place] ^ 1)
      }
      // A letter of the metadata that the index does not repeat.
      let word = try #require(bytes.indices.first { bytes[$0...].starts(with: "compeft".utf8) })
      try writeByte(path, word, bytes[word] ^ 2)
      let failures = Archive.verify(path).failures.map { String($0.description.dropFirst(path.count + 2)) }
      let end = "is not that of its bytes, expected the same; fetch the file again"
      #expect(
        failures == [
          "checksum of the header \(end)",
          "tensor '__header__/model-0.safetensors': block 0: checksum of the block \(end)",
          "tensor '__file__/tokenizer.json': block 1: checksum of the block \(end)",
          "tensor 'ternary': block 1: checksum of the block \(end)",
          "tensor 'lowrank': checksum of the block \(end)",
        ])
    }
  }

  @Test func `A tensor that turns out unchanged, or not worth its codec, is recoded before its first block`() throws {
    try withTemporaryDirectory { folder in
      let tensors = ["a", "b", "c"].map { ArchiveFixture.tensor($0, .bf16, [1000, 600], .lossless) }
      let path = "\(folder)/x.tv.safetensors"
      let output = try OutputFolder(finalPath: path, isFile: true)
      let writer = try ArchiveWriter(
        folder: output, name: "x", layout: try ArchiveLayout(kind: .checkpoint, tensors: tensors))
      try writer.recode(tensor: 0, as: .same)
      try writer.recode(tensor: 1, as: .dense(.bf16))
      for block in 0..<2 {
        let count = tensors[1].info.shape.elementCount
        let length = BlockPlace.blockLength(of: tensors[1].info.shape)
        let elements = block == 0 ? length : count - length
        try writer.append([UInt8](repeating: 3, count: 2 * elements), tensor: 1, block: block)
      }
      try writer.recode(tensor: 2, as: .sparse(isExact: false))
      for block in 0..<2 { try writer.append([1, 2, 3], tensor: 2, block: block) }
      let hash = Hash128([1])
      try writer.finish(hashes: tensors.map { _ in ArchiveHashes(base: hash, result: hash) }, metadata: ["late": "yes"])
      try output.commit()
      let archive = try Archive.open(path)
      #expect(archive.tensors.map(\.coding) == [.same, .dense(.bf16), .sparse(isExact: false)])
      #expect(archive.tensors.map(\.blocks.count) == [0, 2, 2])
      #expect(archive.metadata["late"] == "yes")
      #expect(try SafetensorsHeader.read(path).tensors.map(\.name) == ["__tva_index__", "b.delta", "c.tva"])
      #expect(Archive.verify(path).isSound)
    }
  }

  @Test func `A block that no reader would take is not written`() throws {
    try withTemporaryDirectory { folder in
      let output = try OutputFolder(finalPath: "\(folder)/x.tv.safetensors", isFile: true)
      let layout = try ArchiveLayout(
        kind: .delta, tensors: [ArchiveFixture.tensor("a", .bf16, [3], .dense(.f32))])
      let writer = try ArchiveWriter(folder: output, name: "x", layout: layout)
      let error = #expect(throws: CheckpointError.self) { try writer.append([1, 2, 3], tensor: 0, block: 0) }
      #expect(
        error?.description
          == "\(writer.path): tensor 'a': block 0: 3 bytes of codec 2, expected 12 to 12")
    }
  }

  @Test func `Metadata that do not fit in their room, or are the container's own, are refused`() throws {
    try withTemporaryDirectory { folder in
      #expect(throws: CheckpointError.self) {
        try ArchiveLayout(kind: .delta, tensors: [], metadata: ["params": "3"])
      }
      let output = try OutputFolder(finalPath: "\(folder)/x.tv.safetensors", isFile: true)
      let writer = try ArchiveWriter(
        folder: output, name: "x", layout: try ArchiveLayout(kind: .delta, tensors: [], metadataRoom: 10))
      #expect(throws: CheckpointError.self) {
        try writer.finish(hashes: [], metadata: ["long": String(repeating: "x", count: 1000)])
      }
    }
  }

  @Test func `An archive of nothing is one`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      try ArchiveFixture(kind: .delta).write(to: path)
      let archive = try Archive.open(path)
      #expect(archive.tensors.isEmpty && archive.baseFingerprint == nil && archive.resultFingerprint == nil)
      #expect(Archive.verify(path).isSound)
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `Random shapes and codings make the round trip`(_ seed: UInt64) throws {
    try withTemporaryDirectory { folder in
      var random = SplitMix64(seed: seed)
      var fixture = ArchiveFixture(kind: random.pick(ArchiveKind.allCases), seed: seed)
      for number in 0..<random.int(1..<30) {
        let shape = (0..<random.int(0..<4)).map { _ in random.pick([0, 1, 2, 3, 17, 700, 1 << 10]) }
        let mask = SeededMask(key: random.next(), limit: random.next() >> 11)
        let coding: ArchiveCoding = random.pick([
          .same, .stored, .dense(.f32), .dense(.bf16), .ternary, .ternaryPlane, .ternaryContext, .sign, .seeded(mask),
          .dare(mask), .sparse(isExact: false), .sparse(isExact: true), .lossless,
        ])
        let isPlain = coding == .stored || coding == .same
        let dtype: DType = random.pick(isPlain ? DType.allCases : [.f32, .f16, .bf16])
        if shape.reduce(1, *) > 1 << 22 && coding.codec == .dense { continue }
        fixture.tensors.append(ArchiveFixture.tensor("layers.\(number).weight", dtype, shape, coding))
      }
      fixture.shards = ArchiveFixture.shards(of: fixture.tensors, each: random.int(1..<9))
      let path = "\(folder)/x.tv.safetensors"
      let payloads = try fixture.write(to: path)
      let archive = try Archive.open(path, policy: random.pick([.map, .read]))
      #expect(archive.tensors.map(\.info) == fixture.tensors.map(\.info))
      #expect(archive.tensors.map(\.coding) == fixture.tensors.map(\.coding))
      let bytes = try readFile(path)
      #expect(
        archive.tensors.map { tensor in
          ((tensor.sharedBlock.map { [$0] } ?? []) + tensor.blocks).map { Array(bytes[archive.blocks[$0]]) }
        } == payloads)
      #expect(Archive.verify(path).isSound)
    }
  }

  // MARK: Archives and checkpoints

  @Test func `An archive opened as a checkpoint is refused with the way to use it`() throws {
    try withArchive { _, path, _ in
      #expect(Archive.isArchive(path))
      let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path) }
      #expect(
        error?.description
          == "\(path): is a task-vector archive, expected a checkpoint; give it as a source {\"archive\": …} with the "
          + "base that it applies to, or put both together with 'weir apply'")
    }
  }

  @Test func `A checkpoint opened as an archive is refused`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/model.safetensors"
      try writeSafetensors(path: path, tensors: [("a", .f32, [1], float32Bytes([1]))])
      #expect(!Archive.isArchive(path) && !Archive.isArchive(folder) && !Archive.isArchive("\(folder)/none"))
      let error = #expect(throws: CheckpointError.self) { try Archive.open(path) }
      #expect(error?.kind == .notAnArchive)
      #expect(error?.file == path)
    }
  }

  @Test func `An archive beside a checkpoint's shards is left out with a note`() throws {
    try withTemporaryDirectory { folder in
      let tensor = { (name: String) in (name, DType.f32, [1], float32Bytes([1])) as FixtureTensor }
      for number in 1...2 {
        try writeSafetensors(
          path: "\(folder)/model-0000\(number)-of-00002.safetensors", tensors: [tensor("t\(number)")])
      }
      try ArchiveFixture(kind: .delta).write(to: "\(folder)/x.tv.safetensors")
      let checkpoint = try Checkpoint.open(folder)
      #expect(checkpoint.catalogue.tensors.map(\.name) == ["t1", "t2"])
      #expect(checkpoint.notes == ["ignored 'x.tv.safetensors': a task-vector archive by its name"])
    }
  }

  @Test func `A folder with an archive alone is refused as an archive`() throws {
    try withTemporaryDirectory { folder in
      try ArchiveFixture(kind: .delta).write(to: "\(folder)/x.tv.safetensors")
      let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder) }
      #expect(error?.kind == .isArchive)
    }
  }
}
