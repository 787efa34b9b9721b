import Foundation
import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct ArchiveDocumentTests {
  private static let page = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../docs/archive-format.md").standardizedFileURL.path

  /// The archive that docs/archive-format.md shows byte by byte: one delta of two F32 elements.
  private func example() throws -> [UInt8] {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.tv.safetensors"
      let output = try OutputFolder(finalPath: path, isFile: true)
      let info = TensorInfo(name: "a", dtype: .f32, shape: Shape(vector: 2))
      let layout = try ArchiveLayout(
        kind: .delta, tensors: [.init(info: info, coding: .dense(.f32), base: nil)], metadataRoom: 0)
      let writer = try ArchiveWriter(folder: output, name: "x", layout: layout)
      let values = float32Bytes([1, -0.5])
      try writer.append(values, tensor: 0, block: 0)
      try writer.finish(hashes: [ArchiveHashes(base: nil, result: TensorHasher.hash(of: values))])
      try output.commit()
      return try readFile(path)
    }
  }

  /// Sixteen bytes a line.
  private func dump(_ bytes: [UInt8]) -> String {
    func hex(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    var dump = ""
    for start in stride(from: 0, to: bytes.count, by: 16) {
      let line = bytes[start..<min(start + 16, bytes.count)]
      if start > 0, line.count == 16, line.elementsEqual(bytes[start - 16..<start]) {
        if !dump.hasSuffix("*\n") { dump += "    *\n" }
        continue
      }
      let text = line.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
      let numbers = line.map { hex(Int($0), 2) }.joined(separator: " ")
      dump += "    \(hex(start, 4))  \(numbers)\(String(repeating: " ", count: 49 - numbers.count))|\(text)|\n"
    }
    return dump
  }

  @Test func `The archive that the format's page shows is the one that is written`() throws {
    let text = String(decoding: try readFile(Self.page), as: UTF8.self)
    let expected = dump(try example())
    guard ProcessInfo.processInfo.environment["WEIR_WRITE_DOCS"] == nil else {
      let title = try #require(text.range(of: "\n    0000  "))
      let end = try #require(text.range(of: "\n\n", range: title.upperBound..<text.endIndex))
      return try writeFile(
        Self.page, text[..<title.lowerBound] + "\n" + expected + text[text.index(after: end.lowerBound)...])
    }
    #expect(text.contains(expected), "docs/archive-format.md is out of date: run with WEIR_WRITE_DOCS=1")
  }
}
