internal import WeirIO

/// Room for what a worker computes or decodes ahead of its tiles.
final class MemoryPanel {
  private let buffer: AlignedBuffer

  private init(byteCount: Int) throws(CheckpointError) { buffer = try AlignedBuffer(byteCount: byteCount) }

  // SAFETY: the buffer begins on a page and lives as long as the panel.
  var start: UnsafeMutableRawPointer { unsafe buffer.bytes.baseAddress.unsafelyUnwrapped }

  /// The panel of a slot where it has room for so many bytes, or a new one in its place.
  static func room(_ byteCount: Int, in slot: inout MemoryPanel?) throws(CheckpointError) -> MemoryPanel {
    if let panel = slot, panel.buffer.byteCount >= byteCount { return panel }
    // The old one goes before the new one comes.
    slot = nil
    let panel = try MemoryPanel(byteCount: byteCount)
    slot = panel
    return panel
  }
}
