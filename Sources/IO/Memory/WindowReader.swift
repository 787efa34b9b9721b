/// One worker's windows on the inputs: at most one live window per slot, so that resident memory is bounded.
///
///     let bytes = try reader.open(file, range, slot: 0)
///     … read the bytes …
///
/// A window stays until its slot needs another: it slides along as a tensor is read, and small tensors that lie next to each
/// other share one.
///
/// - Memory: of a mapped file the pages of the live windows; of a file that is read one buffer per slot, as large as
///   the largest window that the slot has held. A window is as long as the longest range asked for, at least the
///   reader's reach.
@safe public struct WindowReader: ~Copyable {
  /// Bytes of a large page, by which some systems map files.
  public static let largePageByteCount = 2 << 20

  private var slots: [Slot] = []

  @safe private struct Slot {
    var file: InputFile?
    var range = 0..<0
    var buffer: Buffer?
  }

  /// Memory of a slot, which the system may refuse.
  private final class Buffer {
    let memory: AlignedBuffer

    init(byteCount: Int) throws(CheckpointError) { memory = try AlignedBuffer(byteCount: byteCount) }
  }

  /// Bytes that a window holds at least, where the file has them: what comes next is likely to be asked for.
  private let reach: Int
  private let allowsLargePages: Bool

  /// Makes a reader without windows.
  ///
  /// - Parameters:
  ///   - reach: bytes that a window holds at least, where the file has them.
  ///   - allowsLargePages: whether a window may hold the rest of the large pages that it begins and ends in.
  public init(reach: Int = 1 << 20, allowsLargePages: Bool = true) {
    self.reach = reach
    self.allowsLargePages = allowsLargePages
  }

  deinit {
    for slot in slots {
      if case .mapped(let region)? = slot.file?.storage { region.close(slot.range, isFenced: !allowsLargePages) }
    }
  }

  /// Makes bytes `range` of `file` readable; what the slot gave before is not to be used any more.
  ///
  /// The bytes begin wherever `range` does: a tensor's elements need not be aligned. Where the slot's window holds the
  /// range already, nothing moves. Where it does not, what the slot gave before fares as its file does: of a file that is
  /// read the buffer is filled anew or replaced, and the old bytes are gone; of a mapped file they stay where they are
  /// while the file object lives, but the pages that the new window does not share have been dropped, and touching them
  /// would bring them back, one fault each, into memory that no window lets go of.
  ///
  /// - Parameters:
  ///   - file: the input.
  ///   - range: bytes of the file, inside it.
  ///   - slot: a small number, one per window that the worker holds at the same time.
  /// - Returns: the bytes, to be used until the slot is closed or opened again, and while the file object lives.
  /// - Throws: ``CheckpointError`` where the file has shrunk or the system cannot read it.
  public mutating func open(
    _ file: InputFile, _ range: Range<Int>, slot: Int
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.byteCount, "a window lies inside its file")
    precondition(slot >= 0, "slots are numbered from 0")
    while slots.count <= slot { slots.append(Slot()) }
    guard !range.isEmpty else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    let holds = slots[slot].file === file
    if !holds || !slots[slot].range.contains(range.lowerBound) || slots[slot].range.upperBound < range.upperBound {
      let end = min(file.byteCount, max(range.upperBound, range.lowerBound + reach))
      try move(slot, to: range.lowerBound..<end, of: file)
    }
    switch file.storage {
    case .mapped(let region):
      try file.checkPages()
      return unsafe region.bytes(range)
    case .descriptor:
      let start = range.lowerBound - slots[slot].range.lowerBound
      // SAFETY: the buffer holds the slot's range, in which `range` lies, and stays while the slot does.
      return unsafe UnsafeRawBufferPointer(rebasing: try buffer(slot, start + range.count)[start...])
    }
  }

  /// Moves a slot's window; pages that the old one and the new one share stay.
  private mutating func move(_ slot: Int, to range: Range<Int>, of file: InputFile) throws(CheckpointError) {
    switch file.storage {
    case .mapped(let region):
      let stays = slots[slot].file === file
      // The old window goes before the new one's pages come: both at once would take more than the budget reckons with.
      if !stays { close(slot: slot) }
      let old = stays ? slots[slot].range : nil
      (slots[slot].file, slots[slot].range) = (file, range)
      if let number = region.open(range, insteadOf: old, isFenced: !allowsLargePages) {
        throw SystemError.isLostPage(number)
          ? file.lostPage
          : CheckpointError(.readFailed, file: file.path, byteOffset: range.lowerBound, errno: number)
      }
    case .descriptor(let shared):
      close(slot: slot)
      try unsafe shared.descriptor.fill(buffer(slot, range.count), from: range.lowerBound)
      (slots[slot].file, slots[slot].range) = (file, range)
    }
  }

  /// Ends the slot's window: mapped pages are let go, a buffer is kept for the next window.
  public mutating func close(slot: Int) {
    guard slot < slots.count, let file = slots[slot].file else { return }
    if case .mapped(let region) = file.storage { region.close(slots[slot].range, isFenced: !allowsLargePages) }
    slots[slot].file = nil
  }

  /// The first `byteCount` bytes of the slot's buffer, which is replaced where it is smaller.
  private mutating func buffer(_ slot: Int, _ byteCount: Int) throws(CheckpointError) -> UnsafeMutableRawBufferPointer {
    if let buffer = slots[slot].buffer, buffer.memory.byteCount >= byteCount {
      return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.memory.bytes[..<byteCount])
    }
    // The old one goes first: both at once would take more than the budget reckons with.
    slots[slot].buffer = nil
    let buffer = try Buffer(byteCount: byteCount)
    slots[slot].buffer = buffer
    // SAFETY: the slot holds the buffer, which has room for as many bytes.
    return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.memory.bytes[..<byteCount])
  }
}
