internal import WeirIO
internal import WeirOps
internal import WeirTensors

extension ArchiveWork {
  /// Decomposes a whole matrix, and codes its factors: the right one for all blocks, the left one by the blocks' rows.
  func codeLowRank(
    _ unit: Unit, _ tensor: ArchivePlan.Tensor, _ choice: LowRankChoice, _ job: Job, _ worker: inout Worker
  ) throws(PipelineError) {
    let shape = tensor.info.shape
    let (rows, columns) = (shape.rowCount, shape.rowLength)
    let places = (0..<BlockPlace.blockCount(of: shape)).compactMap {
      BlockPlace(block: $0, of: shape, dtype: tensor.info.dtype)
    }
    var matrix = [Float](repeating: 0, count: rows * columns)
    for (number, place) in places.enumerated() {
      try worker.fill(job, tensor.computedInfo, bytes: place.first * 4..<(place.first + place.count) * 4, at: 0)
      try checkBases(Unit(tensor: unit.tensor, place: place, block: number), worker)
      // SAFETY: the block holds the place's values, and the matrix has room for them where they belong.
      let (start, count) = (place.first * 4, place.count * 4)
      let values = unsafe UnsafeRawBufferPointer(rebasing: worker.block.bytes[..<count])
      unsafe matrix.withUnsafeMutableBytes { matrix in
        unsafe UnsafeMutableRawBufferPointer(rebasing: matrix[start..<start + count]).copyMemory(from: values)
      }
    }
    // SAFETY: the buffer lives for the call.
    let found = unsafe matrix.withUnsafeBufferPointer { matrix in
      Result { () throws(MatrixError) in
        try unsafe LowRankFactors(
          of: matrix, rows: rows, columns: columns, rank: choice.rank, energy: choice.energy)
      }
    }
    let factors: LowRankFactors
    switch found {
    case .success(let known): factors = known
    case .failure(let error):
      throw PipelineError(.run, "tensor \(MessageText.quoted(tensor.info.name)): \(error)")
    }
    matrix = []
    var payloads: [ArchivePayload] = []
    let right = try Plan.run { () throws(CheckpointError) in
      try LowRankCodec.encodeRight(factors.right, rank: factors.rank, columns: columns, isInt8: choice.isInt8)
    }
    payloads.append(
      ArchivePayload(tensor: unit.tensor, block: nil, bytes: right, coding: .lowrank(rank: factors.rank)))
    for (number, place) in places.enumerated() {
      let part = Unit(tensor: unit.tensor, place: place, block: number)
      let base = try unsafe base(of: part, tensor, worker)
      let payload = try coded(tensor) { () throws(CheckpointError) in
        let left = factors.left[
          place.first / columns * factors.rank..<(place.first + place.count) / columns * factors.rank]
        let payload = try LowRankCodec.encodeRows(Array(left), place, rank: factors.rank, isInt8: choice.isInt8)
        // What comes out is what the coded factors give, not what the exact ones would.
        try worker.bench.decodeLowRank(payload, place, rank: factors.rank, right: right, into: worker.block)
        return payload
      }
      if let application = restoring[unit.tensor] {
        // SAFETY: the block holds the values, and has room for as many results behind them.
        let start = unsafe worker.block.bytes.baseAddress.unsafelyUnwrapped
        unsafe worker.bench.restore(
          application, start.assumingMemoryBound(to: Float.self), place.first..<place.first + place.count, of: place,
          base: base, into: start + Self.resultOffset)
      }
      hashResult(part, at: Self.resultOffset, worker)
      payloads.append(ArchivePayload(tensor: unit.tensor, block: number, bytes: payload))
    }
    worker.bench.payloads = payloads
  }
}
