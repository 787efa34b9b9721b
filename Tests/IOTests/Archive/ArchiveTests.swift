import TestSupport
import Testing
import WeirTensors

@testable import WeirIO

@Suite struct ArchiveTests {
  @Test func `What was written opens as it was laid out`() throws {
    try withTemporaryDirectory { folder in
      var fixture = ArchiveFixture(tensors: ArchiveFixture.everyCoding)
      fixture.shards = ArchiveFixture.shards(of: fixture.tensors, each: 5)
      fixture.sideFiles = [
        ("config.json", Array("{}".utf8), true), ("tokenizer.json", Array(repeating: 7, count: 1_200_000), true),
        ("vocab.txt", [1, 2, 3], false), ("1_Pooling/config.json", [], true),
      ]
      fixture.metadata = ["generator": "test", "method": "compeft", "ключ": "a \"b\""]
      let path = "\(folder)/x.tv.safetensors"
      let payloads = try fixture.write(to: path)
      let archive = try Archive.open(path)
      #expect(Archive.isArchive(path))
      #expect(archive.tensors.map(\.info) == fixture.tensors.map(\.info))
      #expect(archive.tensors.map(\.coding) == fixture.tensors.map(\.coding))
      #expect(archive.tensors.map(\.base) == fixture.tensors.map(\.base))
      #expect(archive.shards.map(\.header) == fixture.shards.map(\.header))
      #expect(archive.sideFiles.map(\.isSameAsBase) == [false, false, true, false])
      #expect(archive.metadata["method"] == "compeft" && archive.metadata["ключ"] == "a \"b\"")
      let bytes = try readFile(path)
      for (tensor, blocks) in zip(archive.tensors, payloads) {
        let numbers = (tensor.sharedBlock.map { [$0] } ?? []) + tensor.blocks
        #expect(numbers.map { Array(bytes[archive.blocks[$0]]) } == blocks)
      }
    }
  }
}
