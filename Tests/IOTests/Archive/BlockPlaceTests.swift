import Testing
import WeirTensors

@testable import WeirIO

@Suite struct BlockPlaceTests {
  @Test(arguments: [
    ([], 1), ([1], 1), ([384], 384), ([1 << 19], 1 << 19), ([(1 << 19) + 1], 1 << 19),
    ([2048, 2048], 1 << 19), ([30522, 384], 1365 * 384), ([2, 600_000], 1 << 19), ([7, 0], 1 << 19), ([5, 1], 1 << 19),
    ([3, 5, 300_000], 300_000),
  ])
  func `Blocks are whole rows where rows are short`(extents: [Int], length: Int) throws {
    let shape = try #require(Shape(extents))
    // A vector is one row, so a short one fills its block with repetitions of it.
    let expected = extents.count < 2 && length < 1 << 19 ? (1 << 19) / length * length : length
    #expect(BlockPlace.blockLength(of: shape) == expected)
    var next = 0
    for index in 0..<BlockPlace.blockCount(of: shape) {
      let place = try #require(BlockPlace(block: index, of: shape, dtype: .bf16))
      #expect(place.first == next)
      next += place.count
      var end = 0
      for segment in 0..<place.segmentCount {
        let range = place.segment(segment)
        #expect(range.lowerBound == end && !range.isEmpty)
        #expect(range.upperBound == place.count || (place.first + range.upperBound) % place.rowLength == 0)
        end = range.upperBound
      }
      #expect(end == place.count)
    }
    #expect(next == shape.elementCount)
    #expect(BlockPlace(block: BlockPlace.blockCount(of: shape), of: shape, dtype: .bf16) == nil)
  }
}
