extension WindowReader {
  /// Makes a part of a tensor readable whose end may lie beyond the tensor's: zeros follow it, as a base has them where the
  /// tuned tensor has grown.
  ///
  /// - Parameters:
  ///   - file: the input.
  ///   - bytes: the tensor's bytes in the file.
  ///   - part: which of them, counted from the tensor's first.
  ///   - slot: as for ``open(_:_:slot:)``.
  ///   - padding: room for the part, used where it is padded.
  /// - Returns: `part.count` bytes, to be used until the slot is opened again or the padding written.
  public mutating func open(
    _ file: InputFile, tensor bytes: Range<Int>, part: Range<Int>, slot: Int, padding: borrowing AlignedBuffer
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    let available = min(part.lowerBound, bytes.count)..<min(part.upperBound, bytes.count)
    let found = try unsafe open(
      file, bytes.lowerBound + available.lowerBound..<bytes.lowerBound + available.upperBound, slot: slot)
    guard available.count < part.count else { return unsafe found }
    precondition(part.count <= padding.byteCount, "the padding has room for the part")
    // SAFETY: the part fits, as was checked; a mapping and a private buffer never overlap.
    unsafe padding.bytes.copyMemory(from: found)
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: padding.bytes[available.count..<part.count])
    unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
    return unsafe UnsafeRawBufferPointer(rebasing: padding.bytes[0..<part.count])
  }
}
