internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Counts, tensor by tensor, what of an output is no finite number, though it was computed: what overflowed F16, and, where NaNs
/// and infinities are let through, what came through. Of an archive, what applying it gives is counted.
final class NumberCounts: Sendable {
  /// What one tensor has.
  struct Count: Equatable, Sendable {
    var nans = 0
    var infinities = 0
  }

  private let tensors: [TensorInfo]
  private let isCounted: [Bool]
  private let letsThrough: Bool
  private let isArchive: Bool
  private let counts: Monitor<[Int: Count]>

  init(_ plan: Plan, _ output: Plan.Output) {
    let letsThrough = !plan.graph.checksFinite
    self.letsThrough = letsThrough
    tensors = output.tensors.map(\.info)
    let archive = output.archive
    isArchive = archive != nil
    isCounted = output.tensors.enumerated().map { number, tensor in
      guard tensor.info.dtype.isMergeable, letsThrough || tensor.info.dtype == .f16 else { return false }
      // What a codec prepares is added to the base and rounded, even where it is a copy itself.
      if let archive, case .prepared = archive.tensors[number].content { return archive.hasResults }
      return !tensor.isCopy
    }
    counts = Monitor([:])
  }

  /// Whether any tensor is looked at.
  var isEmpty: Bool { !isCounted.contains(true) }

  /// Whether the numbers of a tensor are looked at.
  func counts(_ tensor: Int) -> Bool { isCounted[tensor] }

  /// Looks at bytes of a tensor that have been computed, whole numbers but for those that a block's edge cuts.
  ///
  /// - Parameters:
  ///   - first: where in the tensor the bytes begin.
  ///   - scan: of the thread.
  func take(_ bytes: UnsafeRawBufferPointer, of tensor: Int, at first: Int, _ scan: NonFiniteScan) {
    guard isCounted[tensor] else { return }
    let dtype = tensors[tensor].dtype
    let size = dtype.byteCount
    let lead = (size - first % size) % size
    guard bytes.count >= lead, let start = bytes.baseAddress else { return }
    let count = (bytes.count - lead) / size
    var found = Count()
    if letsThrough {
      // SAFETY: `count` numbers follow the lead.
      let finding = unsafe scan.scan(start + lead, dtype, first: 0, count: count)
      found = Count(nans: finding.nans, infinities: finding.infinities)
    } else {
      found.infinities = unsafe InfinityScan.count(f16: start + lead, count)
    }
    add(found, of: tensor)
  }

  /// Adds what an earlier run has counted of a tensor.
  func add(_ found: Count, of tensor: Int) {
    guard found != Count() else { return }
    counts.withLock { counts in
      counts[tensor, default: Count()].nans += found.nans
      counts[tensor, default: Count()].infinities += found.infinities
    }
  }

  /// What has been counted of a tensor.
  func count(of tensor: Int) -> Count { counts.withLock { $0[tensor] ?? Count() } }

  /// Begins anew, where all that was counted is to be made again.
  func removeAll() { counts.withLock { $0 = [:] } }

  /// The tensors that have some, in their order.
  var found: [(name: String, count: Count)] {
    counts.withLock { counts in
      counts.sorted { $0.key < $1.key }.map { (tensors[$0.key].name, $0.value) }
    }
  }

  /// One line about all of it; `nil` where every number is finite.
  var note: String? {
    let found = found
    guard let first = found.first else { return nil }
    let nans = found.reduce(0) { $0 + $1.count.nans }
    let infinities = found.reduce(0) { $0 + $1.count.infinities }
    let place = "\(Wording.count(found.count, "tensor")), the first \(MessageText.quoted(first.name))"
    guard letsThrough else {
      return "\(Wording.count(infinities, "number")) too large for F16 became infinite in \(place); "
        + (isArchive ? "applying the archive gives infinities there" : "write bf16 or f32 to keep them")
    }
    let numbers = [(nans, "NaN", "NaNs"), (infinities, "infinity", "infinities")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
    return "let through: \(numbers.joined(separator: " and ")) in \(place)"
  }
}
