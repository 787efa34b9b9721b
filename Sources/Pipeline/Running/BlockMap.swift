internal import WeirIO
internal import WeirTensors

/// How the files of an output are cut into blocks: the units of work, each at an aligned place of one file.
struct BlockMap: Sendable {
  struct Block: Sendable {
    let file: Int
    /// Bytes of the file.
    let range: Range<Int>
    /// The tensors of the output that have bytes in it.
    let tensors: Range<Int>
    /// The end of the file's header, where the block begins with it.
    var lead: ArraySlice<UInt8> = []
  }

  /// The most tensors of one block, all of which must be ready, and are held, while it is computed.
  private static let mostTensors = 512

  private(set) var blocks: [Block]
  /// Where each tensor's bytes begin in its file.
  let offsets: [Int]

  /// Cuts a laid-out checkpoint; headers are not part of any block.
  init(_ layout: OutputLayout, blockBytes: Int) {
    offsets = layout.offsets
    var blocks: [Block] = []
    for (number, file) in layout.files.enumerated() {
      var first = file.tensors.lowerBound
      var start = file.header.count == file.byteCount ? file.byteCount : file.blockStart
      while start < file.byteCount {
        var end = min(start + blockBytes, file.byteCount)
        while first < file.tensors.upperBound, layout.offsets[first] + layout.tensors[first].byteCount <= start {
          first += 1
        }
        if first + Self.mostTensors < file.tensors.upperBound {
          let cut = layout.offsets[first + Self.mostTensors] / OutputLayout.alignment * OutputLayout.alignment
          end = min(end, max(start + OutputLayout.alignment, cut))
        }
        end = Self.cut(layout, from: first, in: start..<end, of: file)
        var last = first
        while last < file.tensors.upperBound, layout.offsets[last] < end { last += 1 }
        var block = Block(file: number, range: start..<end, tensors: first..<last)
        if start < file.header.count { block.lead = file.header[start...] }
        blocks.append(block)
        start = end
      }
    }
    self.blocks = blocks
  }

  /// Where a block that could reach to the end of `range` ends: a piece of a hash that begins there or just behind is hashed by one
  /// worker, in order. Otherwise a part of it would be ready before the part in front of it, and wait for that one's worker.
  private static func cut(
    _ layout: OutputLayout, from first: Int, in range: Range<Int>, of file: OutputFile
  ) -> Int {
    guard range.upperBound < file.byteCount else { return range.upperBound }
    var tensor = first
    while tensor + 1 < file.tensors.upperBound, layout.offsets[tensor + 1] < range.upperBound { tensor += 1 }
    guard tensor < file.tensors.upperBound else { return range.upperBound }
    let (alignment, piece) = (OutputLayout.alignment, TensorHasher.pieceByteCount)
    let reach = range.upperBound + alignment - 1 - layout.offsets[tensor]
    let end = (layout.offsets[tensor] + reach / piece * piece) / alignment * alignment
    return range.contains(end) && end > range.lowerBound ? end : range.upperBound
  }

  /// Cuts tensors that are only hashed: each begins a block of its own.
  init(hashing tensors: [TensorInfo], blockBytes: Int) {
    var offsets: [Int] = []
    var blocks: [Block] = []
    var offset = 0
    for (number, tensor) in tensors.enumerated() {
      offsets.append(offset)
      for start in stride(from: 0, to: tensor.byteCount, by: blockBytes) {
        let end = min(start + blockBytes, tensor.byteCount)
        blocks.append(Block(file: 0, range: offset + start..<offset + end, tensors: number..<number + 1))
      }
      offset += (tensor.byteCount + blockBytes - 1) / blockBytes * blockBytes
    }
    self.offsets = offsets
    self.blocks = blocks
  }

  /// Bytes of all blocks.
  var byteCount: Int { blocks.reduce(0) { $0 + $1.range.count } }

  /// The same map without the blocks that are done.
  func without(_ isDone: (Block) -> Bool) -> BlockMap {
    var map = self
    map.blocks.removeAll(where: isDone)
    return map
  }
}
