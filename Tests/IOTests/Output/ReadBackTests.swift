import Testing
import WeirTensors

@testable import WeirIO

@Suite struct ReadBackTests {
  @Test(arguments: [1, 30, 1000])
  func `What was written opens as it was laid out`(_ shardBytes: Int) throws {
    let tensors = [
      try tensor("model.layers.0.mask", .bool, [3]), try tensor("größe \"x\"", .f32, [5, 3]),
      try tensor("scalar", .bf16, []), try tensor("none", .i64, [0, 4]), try tensor("f8", .f8e4m3, [7]),
    ]
    let scratch = try Scratch()
    let layout = OutputLayout(tensors: tensors, shardBytes: shardBytes)
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    for file in layout.files {
      let writer = try folder.makeWriter(for: file)
      try writer.write([UInt8](repeating: 1, count: file.byteCount - file.header.count), at: file.header.count)
      try writer.finish()
    }
    if let index = layout.indexJSON { try folder.addFile(OutputLayout.indexName, bytes: index) }
    try folder.commit()

    let checkpoint = try Checkpoint.open(scratch.path("out"))
    #expect(checkpoint.notes == [])
    #expect(checkpoint.catalogue.tensors == tensors)
    for (file, offset) in layout.files.flatMap({ file in file.tensors.map { (file, $0) } }) {
      let info = layout.tensors[offset]
      let location = try #require(checkpoint.location(of: info.name))
      #expect(checkpoint.files[location.file].path.hasSuffix(file.name))
      #expect(location.bytes == layout.offsets[offset]..<layout.offsets[offset] + info.byteCount)
    }
  }
}
