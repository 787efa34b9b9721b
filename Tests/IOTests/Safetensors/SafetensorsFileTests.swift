import Foundation
import TestSupport
import Testing
import WeirIO

@Suite("Safetensors file")
struct SafetensorsFileTests {
  /// A file's bytes and what is said of it, after its path.
  static let hostile: [([UInt8], String)] = [
    ([], "file is 0 bytes, expected at least 8; fetch the file again, it may be incomplete"),
    ([1, 0, 0, 0, 0, 0, 0], "file is 7 bytes, expected at least 8; fetch the file again, it may be incomplete"),
    ([0, 0, 0, 0, 0, 0, 0, 0], "header is empty at byte 8, expected '{'"),
    (
      safetensorsBytes(header: "{}", length: 3),
      "header is 3 B, expected at most the 2 bytes that follow its length; fetch the file again, it may be incomplete"
    ),
    (
      safetensorsBytes(header: "{}", length: 100_000_000),
      "header is 100 MB, expected at most the 2 bytes that follow its length; "
        + "fetch the file again, it may be incomplete"
    ),
    (
      safetensorsBytes(header: "{}", length: 100_000_001),
      "header is 100000001 B, limit is 100000000 B; raise with --max-header if the file is sound"
    ),
    (
      safetensorsBytes(header: "{}", length: .max),
      "the first eight bytes are no header's length (18446744073709551615 bytes), expected a safetensors file"
    ),
    (
      safetensorsBytes(header: "{}", length: 1 << 63),
      "the first eight bytes are no header's length (9223372036854775808 bytes), expected a safetensors file"
    ),
    (
      Array("GGUF".utf8) + [3, 0, 0, 0, 0, 0, 0, 0],
      "GGUF file, expected safetensors; use the safetensors files that it was made from"
    ),
    (
      Array("PK\u{3}\u{4}".utf8) + [0, 0, 8, 8, 0, 0],
      "PyTorch pickle file, which can run code when it is opened, expected safetensors; "
        + "convert it with the safetensors library (save_file), or fetch the model's safetensors files"
    ),
    (
      [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9],
      "PyTorch pickle file, which can run code when it is opened, expected safetensors; "
        + "convert it with the safetensors library (save_file), or fetch the model's safetensors files"
    ),
    (
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n".utf8),
      "Git LFS pointer instead of the file, expected safetensors; fetch the file with 'git lfs pull'"
    ),
    (
      Array("<!DOCTYPE html><html></html>".utf8),
      "web page instead of the file, expected safetensors; fetch the file again, from its download link"
    ),
    (
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A],
      "HDF5 file, expected safetensors; convert it with the safetensors library"
    ),
  ]

  @Test(arguments: hostile) func `A file that is none is refused`(_ bytes: [UInt8], _ message: String) throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/model.safetensors"
      try writeFile(path, bytes)
      #expect {
        try Checkpoint.open(path)
      } throws: { error in
        #expect("\(error)" == "\(path): \(message)")
        return error is CheckpointError
      }
    }
  }

  @Test func `Every truncation of a file is an error`() throws {
    let bytes = safetensorsBytes([("a", .f32, [2], [0, 1, 2, 3, 4, 5, 6, 7])])
    try withTemporaryDirectory { folder in
      let path = "\(folder)/a.safetensors"
      for count in 0..<bytes.count {
        try writeFile(path, Array(bytes[..<count]))
        #expect(throws: CheckpointError.self) { try Checkpoint.open(path) }
      }
      try writeFile(path, bytes + [0])
      #expect(throws: CheckpointError.self) { try Checkpoint.open(path) }
      try writeFile(path, bytes)
      #expect(try Checkpoint.open(path).catalogue.tensors.count == 1)
    }
  }

  /// A folder of sparse files on a file system that has files of any size.
  @Test(
    .enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm")),
    arguments: [([1 << 62], true), ([1 << 49, 1 << 49], false), ([1 << 49, 1 << 49, 1], true)] as [([Int], Bool)])
  func `A sparse checkpoint larger than any sum may be is refused`(_ sizes: [Int], _ isRefused: Bool) throws {
    let folder = "/dev/shm/weir-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (number, size) in sizes.enumerated() {
      let path = "\(folder)/model-0000\(number + 1)-of-0000\(sizes.count).safetensors"
      let header = #"{"t\#(number)":{"dtype":"U8","shape":[\#(size)],"data_offsets":[0,\#(size)]}}"#
      let bytes = safetensorsBytes(header: header)
      try writeFile(path, bytes)
      try #require(truncate(path, off_t(bytes.count + size)) == 0)
    }
    guard isRefused else {
      #expect(try Checkpoint.open(folder, policy: .read).catalogue.byteCount == 1 << 50)
      return
    }
    let last = sizes.count
    #expect {
      try Checkpoint.open(folder, policy: .read)
    } throws: { error in
      "\(error)" == "\(folder)/model-0000\(last)-of-0000\(last).safetensors: tensor 't\(last - 1)': "
        + "takes the checkpoint beyond 1125899906842624 bytes, expected at most that many"
    }
  }

  @Test func `A header above the limit is read when the limit is raised`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/a.safetensors"
      try writeFile(path, safetensorsBytes(header: "{}" + String(repeating: " ", count: 200)))
      #expect(throws: CheckpointError(.headerTooLarge(byteCount: 202, limit: 100), file: path)) {
        try Checkpoint.open(path, maximumHeaderBytes: 100)
      }
      #expect(try Checkpoint.open(path, maximumHeaderBytes: 202).catalogue.tensors.isEmpty)
    }
  }

  @Test func `A header is read by itself`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/a.safetensors"
      try writeSafetensors(path: path, tensors: [("a\"\\é", .u8, [1], [7])], metadata: ["k\n": "v"])
      let header = try SafetensorsHeader.read(path)
      #expect(header.tensors.map(\.name) == ["a\"\\é"])
      #expect(header.metadata == ["k\n": "v"])
      #expect(try readFile(path)[header.ranges[0]] == [7])
    }
  }
}
