import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

/// One way to forge an archive, and the beginning of what is said of it.
struct Attack: Sendable, CustomTestStringConvertible {
  let name: String
  let finding: String
  let make: @Sendable (inout ArchiveForgery) -> Void
  var testDescription: String { name }

  init(_ name: String, _ finding: String, _ make: @escaping @Sendable (inout ArchiveForgery) -> Void) {
    self.name = name
    self.finding = finding
    self.make = make
  }

  /// Overwrites bytes of the index with a number.
  static func patch(_ name: String, at place: Int, _ number: UInt64, bytes count: Int, _ finding: String) -> Attack {
    Attack(name, finding) { forgery in
      forgery.change = { index in
        for byte in 0..<count { index[place + byte] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte))) }
      }
    }
  }

  static let all: [Attack] =
    heads + files + tensors + headers + [
      Attack("too few blocks", "5 blocks, expected those") {
        $0.index.tensors[1].coding = .same
        $0.index.tensors[1].resultHash = $0.index.tensors[1].baseHash
      },
      Attack("a block that is too long", "tensor 'b.tva': block 0: 4198401 bytes, expected 1 to 4198400") {
        $0.payloads[3] = Array(repeating: 0, count: 4096 + (1 << 22) + 1)
      },
      Attack("a dense block that is too short", "tensor 'a.delta': block 0: 7 bytes, expected 8 to 8") {
        $0.payloads[2] = Array(repeating: 0, count: 7)
      },
      Attack("an empty block", "tensor 'b.tva': block 1: 0 bytes, expected 1 to") { $0.payloads[4] = [] },
      Attack("more in the index", "an index with bytes after the last block, expected zeros") {
        $0.room = 5
        $0.change = { $0[$0.count - 1] = 1 }
      },
    ]

  private static let heads: [Attack] = [
    .patch("other magic", at: 0, 0, bytes: 1, "an index that begins otherwise, expected 'TVAINDEX'"),
    .patch("newer index", at: 10, 2, bytes: 2, "archive needs a reader of version 2, this one reads up to version 1"),
    .patch("unknown kind", at: 12, 3, bytes: 1, "an archive of kind 3, expected 0 to 2"),
    .patch("unknown table", at: 13, 2, bytes: 1, "a head with bits that this version does not know"),
    .patch("no frame", at: 13, 1, bytes: 1, "a table of names that is no frame of"),
    .patch("reserved", at: 14, 256, bytes: 2, "a head with bits that this version does not know"),
    .patch("reserved at the end", at: 28, 1, bytes: 4, "a head with bits that this version does not know"),
    .patch("tensors without end", at: 16, 0xFFFF_FFFF, bytes: 4, "4294967295 tensors in"),
    .patch("shards without end", at: 20, 0xFFFF_FFFF, bytes: 4, "2 tensors in"),
    .patch("files without end", at: 24, 0xFFFF_FFFF, bytes: 4, "2 tensors in"),
    .patch("one tensor less", at: 16, 1, bytes: 4, "the table of names"),
    .patch("one tensor more", at: 16, 3, bytes: 4, "the table of names"),
    .patch("blocks without end", at: 32, .max, bytes: 8, "18446744073709551615 blocks, expected fewer than 2^63"),
    .patch("many blocks", at: 32, 1 << 62, bytes: 8, "4611686018427387904 blocks in"),
    .patch("one block less", at: 32, 4, bytes: 8, "4 blocks, expected those that the shapes"),
    .patch("one block more", at: 32, 6, bytes: 8, "6 blocks in"),
    .patch("names beyond the index", at: 40, 1 << 40, bytes: 8, "the index ends after"),
    .patch("names beyond all", at: 40, .max, bytes: 8, "18446744073709551615 bytes of names, expected fewer"),
    .patch("names that unfold", at: 48, 1 << 60, bytes: 8, "the first eight"),
    .patch("names of another size", at: 48, 1, bytes: 8, "a table of names that is no frame of 1 bytes"),
    .patch("header's hash", at: 56, 7, bytes: 8, "checksum of the header is not that of its bytes"),
    .patch("base fingerprint", at: 72, 7, bytes: 8, "a fingerprint that is not that of the tensors' hashes"),
    .patch("result fingerprint", at: 88, 7, bytes: 8, "a fingerprint that is not that of the tensors' hashes"),
  ]

  private static let files: [Attack] = [
    Attack("side file above", "file name '../x' leads out of the folder") { $0.index.sideFiles[0].name = "../x" },
    Attack("side file at the root", "file name '/x' leads out") { $0.index.sideFiles[1].name = "/x" },
    Attack("side file in the middle", "file name 'a/../../x' leads out") { $0.index.sideFiles[1].name = "a/../../x" },
    Attack("no name", "file name '' leads out") { $0.index.sideFiles[1].name = "" },
    Attack("a folder", "file name 'a/' leads out") { $0.index.sideFiles[1].name = "a/" },
    Attack("hidden", "file name '.git/config' leads out") { $0.index.sideFiles[1].name = ".git/config" },
    Attack("control", "file name 'a\\u{0}b' leads out") { $0.index.sideFiles[1].name = "a\0b" },
    Attack("long name", "file name") { $0.index.sideFiles[1].name = String(repeating: "a", count: 256) },
    Attack("weights", "side file 'x.safetensors', expected no weights file") {
      $0.index.sideFiles[0].name = "x.safetensors"
    },
    Attack("twice", "side file 'config.json', expected no weights file, and each once") {
      $0.index.sideFiles[1].name = "config.json"
    },
    Attack("below a file", "file 'config.json/x' below another file") { $0.index.sideFiles[1].name = "config.json/x" },
    Attack("huge side file", "tensor '__file__/vocab.txt': file is") { $0.index.sideFiles[1].byteCount = 1 << 51 },
    Attack("shard in a folder", "file name 'a/model.safetensors' leads out") {
      $0.index.shards[0].name = "a/model.safetensors"
    },
    Attack("shard of another kind", "weights file 'run.py', expected a .safetensors file") {
      $0.index.shards[0].name = "run.py"
    },
    Attack("a header of other tensors", "tensor '__header__/model.safetensors': a header of other tensors") { forgery in
      let other = OutputHeader.bytes(for: [forgery.index.tensors[1].info], metadata: [:])
      forgery.index.shards[0].byteCount = other.count
      forgery.index.shards[0].hash = TensorHasher.hash(of: other)
      forgery.payloads[0] = [0] + other
    },
    Attack("a header of fewer tensors", "headers of 1 tensors, expected those of all 2") { forgery in
      let other = OutputHeader.bytes(for: [forgery.index.tensors[0].info], metadata: [:])
      forgery.index.shards[0].byteCount = other.count
      forgery.index.shards[0].hash = TensorHasher.hash(of: other)
      forgery.payloads[0] = [0] + other
    },
    Attack("a header that lies about its length", "tensor '__header__/model.safetensors': a header that is not as") {
      $0.payloads[0][1] ^= 1
      $0.index.shards[0].hash = TensorHasher.hash(of: Array($0.payloads[0][1...]))
    },
    Attack("a header that decodes to another", "tensor '__header__/model.safetensors': checksum of the file") {
      $0.index.shards[0].hash = Hash128([9])
    },
    Attack(
      "a header that is no block", "tensor '__header__/model.safetensors': block 0: stored block of an unknown form"
    ) {
      $0.payloads[0][0] = 9
    },
    Attack("a side file that decodes to another", "tensor '__file__/config.json': checksum of the file") {
      $0.index.sideFiles[0].hash = Hash128([9])
    },
    Attack("a side file that decodes to more", "tensor '__file__/config.json': block 0: 3 stored bytes, expected 2") {
      $0.payloads[1].append(0)
    },
    Attack("a side file that is no frame", "tensor '__file__/config.json': block 0: stored bytes in no frame") {
      $0.payloads[1][0] = 1
    },
  ]

  private static func renamed(_ name: String) -> @Sendable (inout ArchiveForgery) -> Void {
    { forgery in
      let info = forgery.index.tensors[0].info
      forgery.index.tensors[0].info = TensorInfo(name: name, dtype: info.dtype, shape: info.shape)
    }
  }

  private static func shaped(_ dtype: DType, _ extents: [Int]) -> @Sendable (inout ArchiveForgery) -> Void {
    { forgery in
      forgery.index.tensors[0].info = TensorInfo(
        name: "a", dtype: dtype, shape: Shape(extents) ?? Shape(vector: 0))
    }
  }

  private static func coded(_ coding: ArchiveCoding) -> @Sendable (inout ArchiveForgery) -> Void {
    { $0.index.tensors[0].coding = coding }
  }

  private static let tensors: [Attack] = [
    Attack("no name", "tensor name is empty, expected a name", renamed("")),
    Attack("the name of metadata", "tensor name '__metadata__' stands for", renamed("__metadata__")),
    Attack("control", "tensor name at byte", renamed("a\0")),
    Attack("two of one name", "tensor 'b': a second tensor of this name", renamed("b")),
    Attack("huge", "tensor 'a': takes the checkpoint beyond", shaped(.f32, [1 << 50])),
    Attack("two huge ones", "tensor 'b': takes the checkpoint beyond") {
      $0.index.tensors[0].info = TensorInfo(name: "a", dtype: .i8, shape: Shape(vector: (1 << 50) - 1))
      $0.index.tensors[0].coding = .stored
      $0.index.tensors[0].base = ArchiveBase(dtype: .i8)
    },
    Attack("dense of another type", "tensor 'a': codec 2 for F64", shaped(.f64, [1])),
    Attack("lossless integers", "tensor 'b': codec 10 for I16") {
      $0.index.tensors[1].info = TensorInfo(name: "b", dtype: .i16, shape: $0.index.tensors[1].info.shape)
      $0.index.tensors[1].base = ArchiveBase(dtype: .i16)
    },
    Attack("lossless over another type", "tensor 'b': codec 10 with another type of base") {
      $0.index.tensors[1].base = ArchiveBase(dtype: .f32)
    },
    Attack("exact sparse over another type", "tensor 'b': codec 9 with another type of base") {
      $0.index.tensors[1].coding = .sparse(isExact: true)
      $0.index.tensors[1].base = ArchiveBase(dtype: .f32)
    },
    Attack("same without base", "tensor 'a': codec 'same' without such a base") {
      $0.index.tensors[0].coding = .same
      $0.index.tensors[0].base = nil
      $0.index.tensors[0].baseHash = nil
    },
    Attack("same of other rows", "tensor 'a': codec 'same' without such a base") {
      $0.index.tensors[0].coding = .same
      $0.index.tensors[0].base = ArchiveBase(dtype: .f32, rowCount: 3)
    },
    Attack("same with two hashes", "tensor 'a': codec 'same' with two hashes", coded(.same)),
    Attack("context without base", "tensor 'a': codec 5 without such a base") {
      $0.index.tensors[0].coding = .ternaryContext
      $0.index.tensors[0].base = ArchiveBase(dtype: .bf16)
    },
    Attack("mask", "tensor 'a': a mask's limit of", coded(.seeded(SeededMask(key: 1, limit: (1 << 53) + 1)))),
    Attack("rank 0", "tensor 'a': rank 0 of shape [2], expected 1", coded(.lowrank(rank: 0))),
    Attack("rank of more than a side", "tensor 'a': rank 2 of shape [2], expected 1", coded(.lowrank(rank: 2))),
    Attack("rank beyond all", "tensor 'a': rank 4294967295 of", coded(.lowrank(rank: 0xFFFF_FFFF))),
    Attack("rank of rows that are cut", "tensor 'b': codec 11 for rows of 524289 elements") {
      $0.index.tensors[1].info = TensorInfo(name: "b", dtype: .bf16, shape: Shape([2, 524_289]) ?? Shape(vector: 0))
      $0.index.tensors[1].coding = .lowrank(rank: 1)
    },
    Attack("a base of as many rows", "tensor 'a': a base of 2 rows") {
      $0.index.tensors[0].base = ArchiveBase(dtype: .f32, rowCount: 2)
    },
    Attack("a base of too many rows", "tensor 'b': a base of") {
      $0.index.tensors[1].base = ArchiveBase(dtype: .bf16, rowCount: .max)
    },
    Attack("a base beside a scalar", "tensor 'a': a base of 1 rows") {
      $0.index.tensors[0].info = TensorInfo(name: "a", dtype: .f32, shape: Shape([]) ?? Shape(vector: 0))
      $0.index.tensors[0].base = ArchiveBase(dtype: .f32, rowCount: 1)
    },
  ]

  private static func replacing(_ old: String, _ new: String) -> @Sendable (inout ArchiveForgery) -> Void {
    { $0.header = { $0.split(separator: old, omittingEmptySubsequences: false).joined(separator: new) } }
  }

  private static func telling(_ key: String, _ value: String) -> @Sendable (inout ArchiveForgery) -> Void {
    { $0.metadata[key] = value }
  }

  private static let headers: [Attack] = [
    Attack("no archive", "is no task-vector archive", telling("format", "pt")),
    Attack("newer", "archive needs a reader of version 2, this one reads up to version 1", telling("min_reader", "2")),
    Attack("no version", "metadata 'min_reader' is 'x', expected a version", telling("min_reader", "x")),
    Attack("other kind", "metadata 'kind' is 'delta', expected 'checkpoint', by the index", telling("kind", "delta")),
    Attack("other size", "metadata 'params' is '1', expected '786434'", telling("params", "1")),
    Attack("other codecs", "metadata 'codecs' is 'same', expected 'dense,lossless'", telling("codecs", "same")),
    Attack("other base", "metadata 'base_fingerprint' is '00'", telling("base_fingerprint", "00")),
    Attack("other result", "metadata 'result_fingerprint' is '00'", telling("result_fingerprint", "00")),
    Attack("an entry of another name", "entry 'c.delta' of F32 [2], expected 'a.delta'", replacing("a.del", "c.del")),
    Attack("an entry of another type", "entry 'a.delta' of I32 [2], expected", replacing("F32", "I32")),
    Attack("an entry of another shape", "entry 'a.delta' of F32 [1, 2], expected", replacing("[2]", "[1,2]")),
    Attack("an entry missing", "no '__tva_index__' before all other data", replacing("__tva_index__\":{", "x\":{")),
    Attack(
      "an entry of nothing", "no '__tva_index__' before all other data",
      replacing("\"a.delta\":", "\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a.delta\":")),
    Attack("overlapping entries", "tensor 'b.tva': ") {
      $0.header = { text in
        let place = text.range(of: "\"b.tva\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[")
        guard let place, let end = text[place.upperBound...].firstIndex(of: ",") else { return text }
        let start = Int(text[place.upperBound..<end]) ?? 0
        return text[..<place.upperBound] + "\(start - 1)" + text[end...]
      }
    },
  ]
}

@Suite struct HostileArchiveTests {
  @Test func `A forgery that changes nothing is taken`() throws {
    try withTemporaryDirectory { folder in
      let finding = try ArchiveForgery.sound.finding(in: folder)
      #expect(finding == nil)
    }
  }

  @Test(arguments: Attack.all)
  func `A forged archive is refused for what makes no sense`(_ attack: Attack) throws {
    try withTemporaryDirectory { folder in
      var forgery = ArchiveForgery.sound
      attack.make(&forgery)
      let finding = try #require(try forgery.finding(in: folder))
      #expect(finding.hasPrefix(attack.finding))
    }
  }

  @Test func `Every flipped bit of a small archive is found`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      var fixture = ArchiveFixture(tensors: [
        ArchiveFixture.tensor("a", .bf16, [2, 2], .dense(.bf16)), ArchiveFixture.tensor("b", .bf16, [2], .ternary),
      ])
      fixture.shards = [
        ArchiveLayout.Shard(
          name: "m.safetensors",
          header: OutputHeader.finished(
            OutputHeader.text(for: fixture.tensors.map(\.info)[...], metadata: [:]), byteCount: 200))
      ]
      fixture.sideFiles = [("a.json", Array("{}".utf8), true)]
      fixture.metadataRoom = 0
      try fixture.write(to: path)
      #expect(Archive.verify(path).isSound)
      let bytes = try readFile(path)
      let other = "\(folder)/other"
      try writeFile(other, bytes)
      var missed: [Int] = []
      for place in bytes.indices {
        for bit in 0..<8 {
          try writeByte(other, place, bytes[place] ^ 1 << UInt8(bit))
          if Archive.verify(other, policy: .read).isSound { missed.append(8 * place + bit) }
        }
        try writeByte(other, place, bytes[place])
      }
      #expect(missed == [])
      #expect(Archive.verify(other, policy: .read).isSound)
    }
  }

  @Test func `An archive cut short anywhere, or followed by anything, does not open`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      let bytes = ArchiveForgery.sound.bytes()
      try writeFile(path, bytes)
      for count in bytes.indices.reversed() {
        try resizeFile(path, to: count)
        #expect(throws: CheckpointError.self) { try Archive.open(path, policy: .read) }
      }
      try writeFile(path, bytes + [0])
      #expect(throws: CheckpointError.self) { try Archive.open(path, policy: .read) }
    }
  }

  @Test func `An index of random bytes, its hash right, does not open or opens soundly`() throws {
    try withTemporaryDirectory { folder in
      var random = SplitMix64(seed: 3)
      for _ in 0..<500 {
        var forgery = ArchiveForgery.sound
        let (place, count) = (random.next(), random.int(1..<9))
        let noise = (0..<count).map { _ in random.pick([0, 1, 2, 0x7F, 0x80, 0xFF]) as UInt8 }
        forgery.change = { index in
          let start = 8 + Int(place % UInt64(index.count - 16))
          for (offset, byte) in noise.enumerated() { index[start + offset] = byte }
        }
        _ = try forgery.finding(in: folder)
      }
    }
  }
}
