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
  private let hasher: TensorHasher
  private let sink: (any BlockSink)?
  private let journal: OutputJournal?
  private let check: RestoreCheck?
  private let counts: NumberCounts

  /// - Parameters:
  ///   - hasher: takes the bytes of each tensor as they are computed.
  ///   - sink: where blocks go; `nil` where they are only hashed.
  ///   - journal: where finished pieces are noted.
  ///   - counts: sees the bytes of each tensor as well.
  ///   - check: sees them too.
  init(
    _ map: BlockMap, _ tensors: [TensorInfo], _ hasher: TensorHasher, _ sink: (any BlockSink)?, _ counts: NumberCounts,
    journal: OutputJournal? = nil, check: RestoreCheck? = nil
  ) {
    self.counts = counts
    self.map = map
    self.tensors = tensors
    self.hasher = hasher
    self.sink = sink
    self.journal = journal
    self.check = check
    blocks = map.blocks.map(\.tensors)
  }

  func compute(_ number: Int, _ jobs: [Job?], _ worker: inout Worker) throws(PipelineError) {
    let block = map.blocks[number]
    let bench = worker.bench
    bench.pieces = []
    worker.block.fill(from: block.lead)
    for (tensor, job) in zip(block.tensors, jobs) {
      guard let job, let part = map.part(of: tensor, tensors[tensor], in: block) else { continue }
      let offset = map.offsets[tensor] + part.lowerBound - block.range.lowerBound
      // SAFETY: the part lies in the block, and is computed there.
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: worker.block.bytes[offset..<offset + part.count])
      let hashing = worker.hashing
      unsafe hashing.begin(hasher, bytes, of: tensor, at: part.lowerBound)
      try worker.fill(job, tensors[tensor], bytes: part, at: offset, hashing)
      // By the reference of its own: the thread sanitizer's instrumentation of this access through the worker ends the compiler.
      bench.pieces += hashing.end()
      unsafe counts.take(bytes, of: tensor, at: part.lowerBound, bench.scan)
      try check?.take(tensor, tensors[tensor], part, bench, result: hasher.hash(of: tensor))
    }
  }

  func deliver(_ number: Int, _ worker: inout Worker) throws(PipelineError) -> Int {
    if let sink {
      do throws(CheckpointError) {
        try sink.write(worker.block, block: map.blocks[number], number: number)
      } catch {
        throw PipelineError(.run, error.description)
      }
    }
    if let journal, !worker.bench.pieces.isEmpty { try journal.note(.pieces(worker.bench.pieces)) }
    return map.blocks[number].range.count
  }
}

extension BlockMap {
  /// The bytes of a tensor that lie in a block, counted from the tensor's first; `nil` where there are none.
  func part(of tensor: Int, _ info: TensorInfo, in block: Block) -> Range<Int>? {
    let start = offsets[tensor]
    let bytes = max(start, block.range.lowerBound)..<min(start + info.byteCount, block.range.upperBound)
    return bytes.isEmpty ? nil : bytes.lowerBound - start..<bytes.upperBound - start
  }
}
