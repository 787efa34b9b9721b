internal import WeirIO
internal import WeirTensors

/// What a crew makes of ready jobs, block by block.
protocol BlockWork: Sendable {
  /// The jobs that each block needs.
  var blocks: [Range<Int>] { get }

  /// Computes block `number` from its jobs, into memory that the worker holds.
  func compute(_ number: Int, _ jobs: [Job?], _ worker: inout Worker) throws(PipelineError)

  /// Hands on what was computed, while others compute; gives back how many bytes that were.
  func deliver(_ number: Int, _ worker: inout Worker) throws(PipelineError) -> Int

  /// Nothing more will come: whoever waits for a block shall wait no longer.
  func stop()
}

extension BlockWork {
  func stop() {}
}

/// Where finished blocks of plain tensors go.
protocol BlockSink: Sendable {
  /// Takes block `number`, whose bytes fill the buffer from its start.
  func write(_ buffer: borrowing AlignedBuffer, block: BlockMap.Block, number: Int) throws(CheckpointError)
}

/// Tensors as they stand in files: each block holds the bytes of some of them.
struct TensorBlocks: BlockWork {
  let blocks: [Range<Int>]
  private let map: BlockMap
  private let tensors: [TensorInfo]
  private let sink: any BlockSink
  private let check: RestoreCheck?

  /// - Parameter check: sees the bytes of each tensor once they are computed.
  init(_ map: BlockMap, _ tensors: [TensorInfo], _ sink: any BlockSink, check: RestoreCheck? = nil) {
    self.map = map
    self.tensors = tensors
    self.sink = sink
    self.check = check
    blocks = map.blocks.map(\.tensors)
  }

  func compute(_ number: Int, _ jobs: [Job?], _ worker: inout Worker) throws(PipelineError) {
    let block = map.blocks[number]
    worker.block.fill(from: block.lead)
    for (tensor, job) in zip(block.tensors, jobs) {
      let start = map.offsets[tensor]
      let bytes =
        max(start, block.range.lowerBound)..<min(start + tensors[tensor].byteCount, block.range.upperBound)
      guard let job, !bytes.isEmpty else { continue }
      let part = bytes.lowerBound - start..<bytes.upperBound - start
      let offset = bytes.lowerBound - block.range.lowerBound
      try worker.fill(job, tensors[tensor], bytes: part, at: offset)
      try check?.take(tensor, tensors[tensor], part, at: offset, worker)
    }
  }

  func deliver(_ number: Int, _ worker: inout Worker) throws(PipelineError) -> Int {
    do throws(CheckpointError) {
      try sink.write(worker.block, block: map.blocks[number], number: number)
    } catch {
      throw PipelineError(.run, error.description)
    }
    return map.blocks[number].range.count
  }
}
