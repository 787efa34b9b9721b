internal import WeirTensors

/// The original headers that an archive keeps, and the tensors that they hold.
enum ArchiveShards {
  /// Checks that the headers hold exactly `tensors`, shard by shard, in each in the order of their data.
  ///
  /// - Throws: ``CheckpointError`` that names no file.
  @discardableResult
  static func check(
    _ shards: [(name: String, header: [UInt8])], hold tensors: [TensorInfo]
  ) throws(CheckpointError) -> [ArchiveShard] {
    guard !shards.isEmpty else { return [] }
    var found: [ArchiveShard] = []
    var first = 0
    for shard in shards {
      let name = ArchiveFormat.shardPrefix + shard.name
      let (held, fileByteCount) = try parse(shard.header, name)
      let range = first..<first + held.count
      guard range.upperBound <= tensors.count, tensors[range].elementsEqual(held) else {
        throw CheckpointError(
          .malformed(found: "a header of other tensors than the index", expected: "the same in the same order"),
          tensor: name)
      }
      found.append(
        ArchiveShard(name: shard.name, header: shard.header, tensors: range, fileByteCount: fileByteCount))
      first = range.upperBound
    }
    guard first == tensors.count else {
      throw CheckpointError(
        .malformed(found: "headers of \(first) tensors", expected: "those of all \(tensors.count)"))
    }
    return found
  }

  private static func parse(
    _ header: [UInt8], _ name: String
  ) throws(CheckpointError) -> (tensors: [TensorInfo], fileByteCount: Int) {
    let length = header.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard header.count >= 8, length == UInt64(header.count - 8) else {
      throw CheckpointError(
        .malformed(found: "a header that is not as long as it says", expected: "that length"), tensor: name)
    }
    let parsed = try SafetensorsHeader.parse(Array(header[8...]), fileByteCount: nil, file: name)
    return (parsed.tensors, parsed.ranges.last?.upperBound ?? header.count)
  }
}
