/// One worker's windows on the inputs: at most one live window per slot, so that resident memory is bounded.
///
///     let bytes = try reader.open(file, range, slot: 0)
///     … read the bytes …
///     reader.close(slot: 0)
///
/// - Memory: of a mapped file the pages of the live windows; of a file that is read one buffer per slot, as large as
///   the largest window that the slot has held.
@safe public struct WindowReader: ~Copyable {
  private var slots: [Slot] = []

  @safe private struct Slot {
    var file: InputFile?
    var range = 0..<0
    var buffer: UnsafeMutableRawPointer?
    var capacity = 0
  }

  private static let alignment = 4096
  /// Bytes of the largest run of pages that one fault may map.
  private static let largestFolio = 2 << 20

  public init() {}

  deinit {
    for slot in slots {
      if case .mapped(let region)? = slot.file?.storage { region.drop(slot.range) }
      // SAFETY: allocated below, owned by this slot alone.
      unsafe slot.buffer?.deallocate()
    }
  }

  /// Bytes of the buffers that slots hold for files that are read.
  public var bufferByteCount: Int { slots.reduce(0) { $0 + $1.capacity } }

  /// Makes bytes `range` of `file` readable, ending the window that the slot held before.
  ///
  /// The bytes begin wherever `range` does: a tensor's elements need not be aligned.
  ///
  /// - Parameters:
  ///   - file: the input.
  ///   - range: bytes of the file, inside it.
  ///   - slot: a small number, one per window that the worker holds at the same time.
  /// - Returns: the bytes, valid until the slot is closed or opened again.
  /// - Throws: ``CheckpointError`` where the file has shrunk or the system cannot read it.
  public mutating func open(
    _ file: InputFile, _ range: Range<Int>, slot: Int
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.byteCount, "a window lies inside its file")
    precondition(slot >= 0, "slots are numbered from 0")
    while slots.count <= slot { slots.append(Slot()) }
    close(slot: slot)
    guard !range.isEmpty else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    switch file.storage {
    case .mapped(let region):
      slots[slot].file = file
      slots[slot].range = range
      if let number = region.populate(range) {
        throw SystemError.isLostPage(number)
          ? file.truncated
          : CheckpointError(.readFailed, file: file.path, byteOffset: range.lowerBound, errno: number)
      }
      try file.checkIntact()
      // SAFETY: the slot holds the file, and with it the mapping, until the window is closed.
      return unsafe region.bytes(range)
    case .descriptor(let shared):
      // SAFETY: the buffer belongs to the slot and stays as it is until the window is closed.
      let buffer = unsafe reserve(range.count, slot: slot)
      try unsafe shared.descriptor.fill(buffer, from: range.lowerBound)
      return UnsafeRawBufferPointer(buffer)
    }
  }

  /// Ends the slot's window: mapped pages are let go, a buffer is kept for the next window.
  ///
  /// - Parameter isLone: whether no other window will follow next to this one, as in a sample.
  public mutating func close(slot: Int, isLone: Bool = false) {
    guard slot < slots.count, let file = slots[slot].file else { return }
    if case .mapped(let region) = file.storage {
      region.drop(slots[slot].range, margin: isLone ? Self.largestFolio : 0)
    }
    slots[slot].file = nil
  }

  /// The slot's buffer, grown to `byteCount` where it is smaller.
  private mutating func reserve(_ byteCount: Int, slot: Int) -> UnsafeMutableRawBufferPointer {
    if slots[slot].capacity < byteCount {
      let capacity = (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
      // SAFETY: the old buffer belongs to the slot, whose window has been closed; the new one is freed in `deinit`.
      unsafe slots[slot].buffer?.deallocate()
      unsafe slots[slot].buffer = .allocate(byteCount: capacity, alignment: Self.alignment)
      slots[slot].capacity = capacity
    }
    return unsafe UnsafeMutableRawBufferPointer(start: slots[slot].buffer, count: byteCount)
  }
}
