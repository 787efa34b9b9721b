internal import CCodecs

/// What encoding a block works in; one per worker, reused between blocks.
public struct CodecScratch: ~Copyable {
  /// The planes of the block being encoded, and memory beside them.
  let planes: PlaneBuffer

  /// Reserves address space for the largest block.
  public init() throws(CheckpointError) {
    planes = try PlaneBuffer()
  }
}
