internal import CXxhash

/// The hash of bytes that come one part after the other.
@safe final class HashStream {
  private let state: OpaquePointer

  init() {
    // SAFETY: the state is owned by this object alone and freed in `deinit`.
    guard let state = unsafe XXH3_createState() else { preconditionFailure("no memory for a kilobyte") }
    unsafe self.state = state
    unsafe _ = XXH3_128bits_reset(state)
  }

  deinit {
    // SAFETY: as above.
    unsafe _ = XXH3_freeState(state)
  }

  /// Forgets what it has taken.
  func reset() {
    // SAFETY: the state was made in `init`.
    unsafe _ = XXH3_128bits_reset(state)
  }

  /// Takes at least one byte.
  func add(_ bytes: UnsafeRawBufferPointer) {
    // SAFETY: the function reads `count` bytes from the start.
    unsafe _ = weir_xxh128_update(state, bytes.baseAddress, bytes.count)
  }

  var hash: Hash128 {
    // SAFETY: the state was made in `init`.
    let hash = unsafe XXH3_128bits_digest(state)
    return Hash128(high: hash.high64, low: hash.low64)
  }
}
