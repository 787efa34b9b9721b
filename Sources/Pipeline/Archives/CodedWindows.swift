internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A worker's decoded blocks, one per operand slot.
///
/// A slot keeps its block until another is asked for, so that the tiles of a block cost one decoding.
final class CodedWindows {
  private let progress: Progress
  private var payloads: WindowReader
  private var bases: WindowReader
  private var slots: [Slot] = []

  /// - Parameter allowsLargePages: whether a window may hold the rest of the large pages that it begins and ends in.
  init(_ progress: Progress, allowsLargePages: Bool) {
    self.progress = progress
    payloads = WindowReader(reach: 256 << 10, allowsLargePages: allowsLargePages)
    bases = WindowReader(reach: 0, allowsLargePages: allowsLargePages)
  }

  /// What a slot holds.
  private final class Slot {
    let decoder: BlockDecoder
    let window = PlaneWindow()
    var key: Key?
    var place: BlockPlace?

    init() throws(CheckpointError) { decoder = try BlockDecoder() }
  }

  /// Which block of which tensor.
  private struct Key: Equatable {
    let file: FileIdentity
    let tensor: Int
    let block: Int
    /// The base that it was decoded against.
    let base: FileIdentity?
    let baseStart: Int?
  }

  /// Opens a window on elements that lie in one block.
  func open(_ tensor: CodedTensor, _ elements: Range<Int>, slot: Int) throws(CheckpointError) -> InputWindow {
    let (slot, place) = try hold(tensor, elements, slot)
    guard tensor.form == .planes else {
      return unsafe InputWindow(address: UnsafeRawPointer(slot.decoder.elements), first: place.first)
    }
    return unsafe slot.window.open(
      mask: slot.decoder.planes.mask, sign: slot.decoder.planes.sign, scales: slot.decoder.planes.scales,
      isPerRow: slot.decoder.planes.isPerRow, rowLength: place.rowLength, first: place.first)
  }

  /// The bytes of elements that lie in one block, as they will stand in the result.
  func bytes(_ tensor: CodedTensor, _ elements: Range<Int>, slot: Int) throws(CheckpointError) -> UnsafeRawBufferPointer
  {
    let (slot, place) = try hold(tensor, elements, slot)
    let size = tensor.elementBytes
    // SAFETY: the decoder holds the block's elements, of which these are some.
    return unsafe UnsafeRawBufferPointer(
      start: slot.decoder.elements + (elements.lowerBound - place.first) * size, count: elements.count * size)
  }

  /// Decodes the block that holds `elements`, unless the slot has it.
  private func hold(
    _ tensor: CodedTensor, _ elements: Range<Int>, _ number: Int
  ) throws(CheckpointError) -> (Slot, BlockPlace) {
    while slots.count <= number { slots.append(try Slot()) }
    let slot = slots[number]
    let block = elements.lowerBound / tensor.blockLength
    let key = Key(
      file: tensor.archive.file.identity, tensor: tensor.index, block: block, base: tensor.base?.file.identity,
      baseStart: tensor.base?.bytes.lowerBound)
    if slot.key == key, let place = slot.place { return (slot, place) }
    slot.key = nil
    let info = tensor.tensor.info
    guard let place = BlockPlace(block: block, of: info.shape, dtype: info.dtype) else {
      throw CheckpointError(.malformed(found: "no block \(block)", expected: "one"), file: tensor.archive.path)
    }
    let base = try unsafe baseBytes(tensor, place, number, slot)
    do throws(CheckpointError) {
      if let shared = tensor.tensor.sharedBlock {
        try unsafe slot.decoder.decodeShared(payload(tensor, shared, number), of: tensor.tensor)
      }
      let payload = try unsafe payload(tensor, tensor.tensor.blocks.lowerBound + block, number)
      do throws(CheckpointError) {
        try unsafe slot.decoder.decode(payload, of: tensor.tensor, place, base: base)
      } catch {
        // What was written for one base may be no block for another.
        if unsafe base != nil { progress.noteUndecodable() }
        throw error
      }
    } catch {
      throw tensor.archive.naming(error, block: tensor.tensor.blocks.lowerBound + block)
    }
    slot.key = key
    slot.place = place
    return (slot, place)
  }

  /// The bytes of a block, checked.
  private func payload(
    _ tensor: CodedTensor, _ block: Int, _ number: Int
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    let range = tensor.archive.blocks[block]
    progress.addRead(range.count)
    let bytes = try unsafe payloads.open(tensor.archive.file, range, slot: number)
    try unsafe tensor.archive.check(bytes, block: block)
    return unsafe bytes
  }

  /// The base's bytes of a block, for codecs that decode against them; zeros beyond its end, where the tensor has grown.
  private func baseBytes(
    _ tensor: CodedTensor, _ place: BlockPlace, _ number: Int, _ slot: Slot
  ) throws(CheckpointError) -> UnsafeRawBufferPointer? {
    guard tensor.tensor.readsBase, let base = tensor.base else { return nil }
    progress.addRead(place.count * place.dtype.byteCount)
    return try unsafe bases.open(
      base.file, tensor: base.bytes, part: place.bytes, slot: number, padding: slot.decoder.padding)
  }
}
