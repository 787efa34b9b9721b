import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

@Suite struct BlockMapTests {
  private static let piece = TensorHasher.pieceByteCount

  private func layout(_ byteCounts: [Int]) throws -> OutputLayout {
    let tensors = try byteCounts.enumerated().map { number, count in
      TensorInfo(name: "t\(number)", dtype: .u8, shape: try #require(Shape([count])))
    }
    return OutputLayout(tensors: tensors, shardBytes: .max)
  }

  @Test(arguments: [
    [9 << 20], [5 << 20 | 77, 9 << 20, 1 << 20], [3000, 7 << 20, 11, 0, 6 << 20], Array(repeating: 700_000, count: 40),
    [10], Array(repeating: 5000, count: 2000),
  ])
  func `Blocks cover a file without a hole, at aligned places, none larger than asked for`(byteCounts: [Int]) throws {
    let layout = try layout(byteCounts)
    for blockBytes in [4096, 1 << 16, 1 << 20, 4 << 20] {
      let map = BlockMap(layout, blockBytes: blockBytes)
      let file = layout.files[0]
      var covered = byteCounts.map { _ in 0 }
      var end = map.blocks[0].range.lowerBound
      for block in map.blocks {
        #expect(block.range.lowerBound == end && end % OutputLayout.alignment == 0)
        #expect(block.range.count > 0 && block.range.count <= blockBytes)
        end = block.range.upperBound
        for tensor in block.tensors {
          covered[tensor] += map.part(of: tensor, layout.tensors[tensor], in: block)?.count ?? 0
        }
      }
      #expect(end == file.byteCount)
      #expect(covered == byteCounts)
    }
  }

  @Test func `No block but for a page begins inside a piece of a hash`() throws {
    let layout = try layout([5 << 20 | 77, 9 << 20, 3000, 700_000, 12 << 20])
    let map = BlockMap(layout, blockBytes: 4 << 20)
    for block in map.blocks {
      for tensor in block.tensors {
        guard let part = map.part(of: tensor, layout.tensors[tensor], in: block) else { continue }
        // What is left of a piece that the block before this one began.
        let rest = (Self.piece - part.lowerBound % Self.piece) % Self.piece
        #expect(min(rest, part.count) < OutputLayout.alignment, "tensor \(tensor), bytes \(part)")
      }
    }
    #expect(map.blocks.count <= 10)
  }
}
