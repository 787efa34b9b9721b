internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A coded block on its way to the file.
struct ArchivePayload: Sendable {
  let tensor: Int
  /// Which of the tensor's blocks; `nil` for what all of them share.
  let block: Int?
  let bytes: [UInt8]
  /// How the tensor turned out to be coded, where the layout only supposed it.
  var coding: ArchiveCoding?
}

/// Computes, codes and hashes the blocks of an archive.
final class ArchiveWork: BlockWork {
  /// One unit of work: a block of a tensor.
  struct Unit: Sendable {
    let tensor: Int
    /// Where the block lies; the first of them where the unit is the whole tensor.
    let place: BlockPlace
    let block: Int
  }

  /// Where in a worker's block the result goes, behind the values that it is made from.
  static let resultOffset = BlockPlace.maximumCount * 4
  /// Bytes that a worker needs besides: the base's part, what coding works in, and coded blocks on their way to the file.
  static let heldBytes = 6 << 20
  /// Bytes of the block that a worker needs: values and result, or a result of 64-bit elements.
  static let workerBytes = BlockPlace.maximumCount * 8

  let blocks: [Range<Int>]
  let archive: ArchivePlan
  let graph: GraphPlan
  let units: [Unit]
  private let appender: OrderedAppender
  private let check: RestoreCheck?
  private let counts: NumberCounts
  /// Hashes of the results, then those of the bases.
  let hasher: TensorHasher
  let restoring: [Application?]
  /// The coding of tensors for which the smallest is taken, once their first block has been coded.
  private let chosen = Monitor(Chosen())

  private struct Chosen {
    var codecs: [Int: ArchiveCodec] = [:]
    var isStopped = false
  }

  /// - Parameters:
  ///   - kept: the tensors that stand in the file already, the first ones.
  ///   - note: takes each tensor after its last block has been appended.
  ///   - check: sees the parts of what archives give, as they are computed.
  ///   - counts: sees the results.
  init(
    _ archive: ArchivePlan, _ graph: GraphPlan, _ writer: ArchiveWriter, limit: Int, kept: Int = 0,
    _ check: RestoreCheck?, _ counts: NumberCounts,
    note: @escaping @Sendable (ArchivedTensor) throws(CheckpointError) -> Void = { _ in }
  ) {
    self.check = check
    self.counts = counts
    self.archive = archive
    self.graph = graph
    let units = archive.tensors.enumerated().dropFirst(kept).flatMap { number, tensor in
      (0..<tensor.unitCount).compactMap { block in
        BlockPlace(block: block, of: tensor.info.shape, dtype: tensor.info.dtype).map {
          Unit(tensor: number, place: $0, block: block)
        }
      }
    }
    self.units = units
    blocks = units.map { $0.tensor..<$0.tensor + 1 }
    let hasher = TensorHasher(
      byteCounts: archive.tensors.map(\.info.byteCount)
        + archive.tensors.map { $0.base.map { graph.info(of: $0).byteCount } ?? 0 })
    self.hasher = hasher
    appender = OrderedAppender(writer, limit: limit) { (unit, writer) throws(CheckpointError) in
      let tensor = units[unit].tensor
      guard unit == units.count - 1 || units[unit + 1].tensor > tensor else { return }
      let count = counts.count(of: tensor)
      try note(
        writer.archived(
          tensor, archive.hashes(of: tensor, hasher), nanCount: count.nans, infinityCount: count.infinities))
    }
    restoring = archive.tensors.map { tensor in
      guard case .prepared = tensor.content else { return nil }
      return Self.restoring(tensor, graph)
    }
  }

  /// The program that adds prepared values to the base, exactly as applying the archive does.
  private static func restoring(_ tensor: ArchivePlan.Tensor, _ graph: GraphPlan) -> Application {
    let expression = ExpressionGraph()
    let values = expression.input(0)
    let result = tensor.base.map { _ in expression.restored(base: expression.input(1), delta: values) } ?? values
    let dtypes = [DType.f32] + (tensor.base.map { [graph.info(of: $0).dtype] } ?? [])
    let frame = TensorFrame(shape: tensor.info.shape, dtypes: dtypes, checksFinite: false)
    return Computation(applying: result, over: frame).application()
  }

  // MARK: - Blocks

  func compute(_ number: Int, _ jobs: [Job?], _ worker: inout Worker) throws(PipelineError) {
    let unit = units[number]
    let tensor = archive.tensors[unit.tensor]
    worker.bench.payloads = []
    guard let job = jobs.first ?? nil else { return }
    switch tensor.content {
    case .same:
      try worker.fill(job, tensor.info, bytes: unit.place.bytes, at: 0)
      hashResult(unit, at: 0, worker)
      _ = try unsafe base(of: unit, tensor, worker)
    case .exact(_, _, let coding):
      try worker.fill(job, tensor.info, bytes: unit.place.bytes, at: 0)
      try checkBases(unit, worker)
      hashResult(unit, at: 0, worker)
      try codeExact(unit, tensor, coding, &worker)
    case .prepared(_, _, .lowrank(let choice)):
      try codeLowRank(unit, tensor, choice, job, &worker)
    case .prepared(_, _, let coding):
      try checkBases(unit, worker)
      try codePrepared(unit, tensor, coding, job, &worker)
    }
  }

  func deliver(_ number: Int, _ worker: inout Worker) throws(PipelineError) -> Int {
    let payloads = worker.bench.payloads
    try Plan.run { () throws(CheckpointError) in try appender.append(number, payloads) }
    return payloads.reduce(0) { $0 + $1.bytes.count }
  }

  func stop() {
    appender.stop()
    chosen.change { $0.isStopped = true }
  }

  /// The coding that was chosen for a tensor.
  private func codec(of tensor: Int) -> ArchiveCodec? { chosen.withLock { $0.codecs[tensor] } }

  // MARK: - Coding

  /// Codes a block's result as it is.
  private func codeExact(
    _ unit: Unit, _ tensor: ArchivePlan.Tensor, _ coding: ArchivePlan.ExactCoding, _ worker: inout Worker
  ) throws(PipelineError) {
    let base = try unsafe base(of: unit, tensor, worker)
    let payload = try coded(tensor) { () throws(CheckpointError) in
      // SAFETY: the block holds the result, which was computed into it.
      let result = unsafe UnsafeRawBufferPointer(rebasing: worker.block.bytes[0..<unit.place.bytes.count])
      switch coding {
      case .stored: return try unsafe StoredCodec.encode(result, unit.place)
      case .lossless: return try unsafe LosslessCodec.encode(result, base: base, unit.place)
      case .sparse: return try unsafe SparseCodec.encode(exact: result, base: base, unit.place)
      }
    }
    worker.bench.payloads = [ArchivePayload(tensor: unit.tensor, block: unit.block, bytes: payload)]
  }

  /// Computes a block's values, codes them, and hashes what they restore from the base.
  private func codePrepared(
    _ unit: Unit, _ tensor: ArchivePlan.Tensor, _ coding: ArchivePlan.PreparedCoding, _ job: Job,
    _ worker: inout Worker
  ) throws(PipelineError) {
    let place = unit.place
    let base = try unsafe base(of: unit, tensor, worker)
    let bench = worker.bench
    let restoring = restoring[unit.tensor]
    let memory = unsafe worker.block.bytes
    func take(_ values: UnsafeBufferPointer<Float>, _ first: Int) {
      if coding.isPlanes { unsafe bench.addPlanes(values, of: place) }
      guard let restoring, let start = values.baseAddress else { return }
      // SAFETY: the block has room for the place's results behind as many values.
      unsafe bench.restore(
        restoring, start, first..<first + values.count, of: place, base: base,
        into: memory.baseAddress.unsafelyUnwrapped + Self.resultOffset)
    }
    // SAFETY: the block has room for the place's values.
    let values = unsafe UnsafeBufferPointer(
      rebasing: UnsafeRawBufferPointer(memory).assumingMemoryBound(to: Float.self)[0..<place.count])
    if coding.isPlanes { bench.startPlanes() }
    if coding.isPlanes, let application = job.application {
      // Tile by tile: the values are never further away than the first level of cache.
      try unsafe worker.forEachTile(job, application, place.first..<place.first + place.count, take)
    } else {
      try worker.fill(job, tensor.computedInfo, bytes: place.first * 4..<(place.first + place.count) * 4, at: 0)
      unsafe take(values, place.first)
    }
    let payload = try coded(tensor) { () throws(CheckpointError) in
      switch coding {
      case .ternary(let codec): try unsafe ternary(unit, codec, base, bench)
      case .sign:
        try bench.withScratch { (scratch) throws(CheckpointError) in try SignCodec.encode(place, scratch: &scratch) }
      case .seeded(let mask):
        try bench.withScratch { (scratch) throws(CheckpointError) in
          try SeededCodec.encode(place, mask: mask, scratch: &scratch)
        }
      case .dare(let mask): try unsafe DareCodec.encode(values, place, mask: mask)
      case .sparse: try unsafe SparseCodec.encode(values, place)
      case .dense(let dtype): try unsafe DenseCodec.encode(values, place, as: dtype)
      case .lowrank: []
      }
    }
    hashResult(unit, at: Self.resultOffset, worker)
    worker.bench.payloads = [
      ArchivePayload(
        tensor: unit.tensor, block: unit.block, bytes: payload,
        coding: unit.block == 0 ? codec(of: unit.tensor)?.plainCoding : nil)
    ]
  }

  /// What a codec gives, or its error with the tensor's name.
  func coded(
    _ tensor: ArchivePlan.Tensor, _ body: () throws(CheckpointError) -> [UInt8]
  ) throws(PipelineError) -> [UInt8] {
    do throws(CheckpointError) {
      return try body()
    } catch {
      throw PipelineError(.run, error.naming(tensor: tensor.info.name).description)
    }
  }

  /// Codes ternary values; where the smallest coding is wanted, the tensor's first block decides for all.
  private func ternary(
    _ unit: Unit, _ codec: ArchiveCodec?, _ base: UnsafeRawBufferPointer?, _ bench: CodingBench
  ) throws(CheckpointError) -> [UInt8] {
    func encoded(_ codec: ArchiveCodec) throws(CheckpointError) -> [UInt8] {
      try bench.withScratch { (scratch) throws(CheckpointError) in
        try unsafe TernaryCodec.encode(unit.place, codec: codec, base: base, scratch: &scratch)
      }
    }
    if let codec = codec ?? self.codec(of: unit.tensor) { return try encoded(codec) }
    guard unit.block == 0 else {
      // The first block was claimed before this one, so that somebody is at work on it.
      let codec = chosen.wait { $0.codecs[unit.tensor] ?? ($0.isStopped ? .ternary : nil) }
      return try encoded(codec)
    }
    var best: (codec: ArchiveCodec, bytes: [UInt8])?
    let hasContext = archive.tensors[unit.tensor].base.map { graph.info(of: $0).dtype } == unit.place.dtype
    for codec in [ArchiveCodec.ternary, .ternaryPlane, .ternaryContext] where hasContext || codec != .ternaryContext {
      let bytes = try encoded(codec)
      if bytes.count < best?.bytes.count ?? .max { best = (codec, bytes) }
    }
    guard let best else { return [] }
    chosen.change { $0.codecs[unit.tensor] = best.codec }
    return best.bytes
  }

  // MARK: - Bases and hashes

  /// Checks the bases of archives that a block was computed from.
  func checkBases(_ unit: Unit, _ worker: borrowing Worker) throws(PipelineError) {
    try check?.take(
      unit.tensor, archive.tensors[unit.tensor].info, unit.place.bytes, worker.bench, result: nil)
  }

  /// The base's bytes of a block, after they have been hashed; `nil` where there is no base. Valid until the worker's next call.
  func base(
    of unit: Unit, _ tensor: ArchivePlan.Tensor, _ worker: borrowing Worker
  ) throws(PipelineError) -> UnsafeRawBufferPointer? {
    guard let operand = tensor.base else { return nil }
    let (file, bytes) = graph.location(of: operand)
    let size = graph.info(of: operand).dtype.byteCount
    let part = unit.place.first * size..<(unit.place.first + unit.place.count) * size
    do throws(CheckpointError) {
      let base = try unsafe worker.bench.openBase(file, tensor: bytes, part: part)
      let own = min(part.upperBound, bytes.count) - min(part.lowerBound, bytes.count)
      if own > 0 {
        unsafe hasher.add(
          UnsafeRawBufferPointer(rebasing: base[0..<own]), of: archive.tensors.count + unit.tensor, at: part.lowerBound)
      }
      return unsafe base
    } catch {
      throw PipelineError(.run, error.naming(tensor: tensor.info.name).description)
    }
  }

  /// Hashes a block's result, and counts what of it is no finite number.
  func hashResult(_ unit: Unit, at offset: Int, _ worker: borrowing Worker) {
    let place = unit.place.bytes
    // SAFETY: the block holds the result from `offset` on.
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: worker.block.bytes[offset..<offset + place.count])
    unsafe hasher.add(bytes, of: unit.tensor, at: place.lowerBound)
    unsafe counts.take(bytes, of: unit.tensor, at: place.lowerBound, worker.bench.scan)
  }
}
