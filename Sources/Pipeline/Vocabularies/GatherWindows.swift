internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A worker's gathered rows, one panel per operand slot.
final class GatherWindows {
  private let progress: Progress
  private let allowsLargePages: Bool
  private var slots: [Slot] = []

  /// - Parameter allowsLargePages: whether a window may hold the rest of the large pages that it begins and ends in.
  init(_ progress: Progress, allowsLargePages: Bool) {
    self.progress = progress
    self.allowsLargePages = allowsLargePages
  }

  /// What a slot holds.
  private final class Slot {
    var rows: Gathering
    var panel: MemoryPanel?
    var source: GatheredTensor?
    var key: Operand?
    var elements = 0..<0

    init(_ rows: consuming Gathering) { self.rows = rows }
  }

  /// Opens a window on elements that lie in one panel.
  func open(
    _ tensor: GatheredTensor, of operand: Operand, _ elements: Range<Int>, slot number: Int
  ) throws(CheckpointError) -> InputWindow {
    while slots.count <= number { slots.append(Slot(Gathering(allowsLargePages: allowsLargePages))) }
    let slot = slots[number]
    if let panel = slot.panel, slot.key == operand, slot.elements.contains(elements.lowerBound) {
      return unsafe InputWindow(address: UnsafeRawPointer(panel.start), first: slot.elements.lowerBound)
    }
    slot.key = nil
    let panel = try MemoryPanel.room(tensor.panelLength * tensor.dtype.byteCount, in: &slot.panel)
    let first = elements.lowerBound / tensor.panelLength * (tensor.panelLength / tensor.columnCount)
    let rows = first..<min(first + tensor.panelLength / tensor.columnCount, tensor.map.rowCount)
    try unsafe slot.rows.gather(tensor, rows, into: panel.start, progress)
    slot.elements = rows.lowerBound * tensor.columnCount..<rows.upperBound * tensor.columnCount
    slot.key = operand
    return unsafe InputWindow(address: UnsafeRawPointer(panel.start), first: slot.elements.lowerBound)
  }
}

/// Reads and decodes rows of parts.
struct Gathering: ~Copyable {
  private var reader: WindowReader

  init(allowsLargePages: Bool) { reader = WindowReader(reach: 0, allowsLargePages: allowsLargePages) }

  /// Writes rows of a tensor, decoded, one after the other.
  mutating func gather(
    _ tensor: GatheredTensor, _ rows: Range<Int>, into target: UnsafeMutableRawPointer, _ progress: Progress
  ) throws(CheckpointError) {
    let rowBytes = tensor.columnCount * tensor.dtype.byteCount
    for run in tensor.map.runs(in: rows) {
      // SAFETY: the target has room for all of `rows`, of which the run's are some.
      let place = unsafe target + (run.rows.lowerBound - rows.lowerBound) * rowBytes
      switch run.first {
      case .part(let part, let row):
        try unsafe decode(tensor, part, row..<row + run.rows.count, into: place, progress)
      case .zero:
        unsafe UnsafeMutableRawBufferPointer(start: place, count: run.rows.count * rowBytes)
          .initializeMemory(as: UInt8.self, repeating: 0)
      case .mean(let mean):
        let sums = try sums(tensor, tensor.means[mean], progress)
        let count = Double(tensor.means[mean].count)
        for number in run.rows.indices {
          unsafe Self.store(
            sums.map { $0 / count }, as: tensor.dtype, at: place + (number - run.rows.lowerBound) * rowBytes)
        }
      case .padding:
        let mean = try tensor.padding?.mean { (count) throws(CheckpointError) in
          try self.mean(of: count, tensor, progress)
        }
        for number in run.rows.indices {
          unsafe Self.store(mean ?? [], as: tensor.dtype, at: place + (number - run.rows.lowerBound) * rowBytes)
        }
      }
    }
  }

  private mutating func decode(
    _ tensor: GatheredTensor, _ part: Int, _ rows: Range<Int>, into target: UnsafeMutableRawPointer,
    _ progress: Progress
  ) throws(CheckpointError) {
    let source = tensor.parts[part]
    let range = tensor.bytes(part, rows)
    progress.addRead(range.count)
    do throws(CheckpointError) {
      let bytes = try unsafe reader.open(source.file, range, slot: part)
      guard let start = bytes.baseAddress else { return }
      let count = rows.count * tensor.columnCount
      // SAFETY: the target has room for the rows, as the caller says.
      if tensor.dtype == .f64 {
        unsafe source.dtype.decode(start, count: count, into: target.assumingMemoryBound(to: Double.self))
      } else {
        unsafe source.dtype.decode(start, count: count, into: target.assumingMemoryBound(to: Float.self))
      }
    } catch {
      throw error.naming(tensor: source.name)
    }
  }

  /// Sums of some rows, column by column.
  private mutating func sums(
    _ tensor: GatheredTensor, _ places: [GatheredTensor.Place], _ progress: Progress
  ) throws(CheckpointError) -> [Double] {
    var sums = [Double](repeating: 0, count: tensor.columnCount)
    for place in places {
      try add(tensor, place, to: &sums, progress)
    }
    return sums
  }

  private mutating func add(
    _ tensor: GatheredTensor, _ place: GatheredTensor.Place, to sums: inout [Double], _ progress: Progress
  ) throws(CheckpointError) {
    let source = tensor.parts[place.part]
    let range = tensor.bytes(place.part, place.row..<place.row + 1)
    progress.addRead(range.count)
    let bytes = try unsafe reader.open(source.file, range, slot: place.part)
    for (column, number) in unsafe source.dtype.numbers(in: bytes).enumerated() { sums[column] += number }
  }

  /// The mean of the first rows, summed in their order.
  private mutating func mean(
    of count: Int, _ tensor: GatheredTensor, _ progress: Progress
  ) throws(CheckpointError) -> [Double] {
    var sums = [Double](repeating: 0, count: tensor.columnCount)
    for run in tensor.map.runs(in: 0..<count) {
      for distance in 0..<run.rows.count {
        switch run.first {
        case .part(let part, let row):
          try add(tensor, GatheredTensor.Place(part: part, row: row + distance), to: &sums, progress)
        case .mean(let mean):
          let places = tensor.means[mean]
          for (column, sum) in try self.sums(tensor, places, progress).enumerated() {
            sums[column] += sum / Double(places.count)
          }
        case .zero, .padding: break
        }
      }
    }
    return sums.map { $0 / Double(max(1, count)) }
  }

  private static func store(_ row: [Double], as dtype: DType, at place: UnsafeMutableRawPointer) {
    for (column, number) in row.enumerated() {
      // SAFETY: the row has as many elements as the tensor has columns, for which there is room.
      if dtype == .f64 {
        unsafe place.assumingMemoryBound(to: Double.self)[column] = number
      } else {
        unsafe place.assumingMemoryBound(to: Float.self)[column] = Float(number)
      }
    }
  }
}
