internal import CSystem

/// A file mapped for reading; unmapped when it goes.
///
/// SIGBUS: a mapped file that another process makes shorter has pages that cannot be read. Opening a window notices
/// that before they are touched; a page lost between the two reads as zeros and is remembered in ``isDamaged``, which
/// a run asks before it believes what it has read.
// Sendable: the mapping is never written, `base` never changes, the watch is atomic and the holds have a lock.
@safe final class MappedRegion: @unchecked Sendable {
  let byteCount: Int
  private let base: UnsafeMutableRawPointer
  private let watch: Int32
  /// The pages that windows hold, each window's as a range of bytes.
  private let holds = Lock<[Range<Int>]>([])

  /// Maps a file's first `byteCount` bytes, at least one; `nil` where the system has no room.
  init?(descriptor: Int32, byteCount: Int) {
    var base: UnsafeMutableRawPointer?
    // SAFETY: on success the C function sets `base` to a mapping of `byteCount` bytes, which `deinit` undoes.
    guard unsafe weir_map(descriptor, byteCount, &base) == 0, let base = unsafe base else { return nil }
    // SAFETY: the watch ends in `deinit`, before the mapping does.
    let watch = unsafe weir_guard(base, byteCount)
    guard watch >= 0 else {
      // SAFETY: nobody has seen the mapping.
      unsafe weir_unmap(base, byteCount)
      return nil
    }
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.watch = watch
  }

  deinit {
    weir_unguard(watch)
    // SAFETY: windows keep their file alive, so none is left.
    unsafe weir_unmap(base, byteCount)
  }

  /// Whether a page was found missing when it was touched.
  var isDamaged: Bool { weir_guard_tripped(watch) != 0 }

  /// The bytes of `range`, which lies in the mapping.
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    // SAFETY: the caller keeps this object for as long as it uses the bytes.
    unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  /// Makes the bytes of `range` a window, in the place of one on the bytes of `old`; the system's error number where it cannot.
  ///
  /// Newer systems let one fault map all that the page cache holds in one piece around a page, two megabytes of a file that was
  /// written at once. A window therefore holds the whole of the large pages that it begins and ends in; a fenced one holds its own
  /// pages alone, for the price of two calls more. When windows go, the pages go that no other window holds.
  ///
  /// - Parameter isFenced: whether the windows are fenced, both.
  func open(_ range: Range<Int>, insteadOf old: Range<Int>?, isFenced: Bool) -> Int32? {
    let held = pages(of: range, isFenced)
    holds.withLock { holds in
      holds.append(held)
      if let old { letGo(old, isFenced, &holds) }
    }
    // SAFETY: whole pages of the mapping.
    if isFenced { unsafe weir_fence(base + held.lowerBound, held.count, 1) }
    let own = pages(of: range, true)
    // SAFETY: whole pages of the mapping.
    let result = unsafe weir_populate(base + own.lowerBound, own.count)
    return result == 0 ? nil : -result
  }

  /// Ends a window on the bytes of `range`.
  func close(_ range: Range<Int>, isFenced: Bool) {
    holds.withLock { letGo(range, isFenced, &$0) }
  }

  /// Unmaps what a window holds and no other does, under the lock: a window that is opened meanwhile would lose its pages, and its
  /// own faults would bring back more.
  private func letGo(_ window: Range<Int>, _ isFenced: Bool, _ holds: inout [Range<Int>]) {
    let held = pages(of: window, isFenced)
    guard let place = holds.firstIndex(of: held) else { return }
    holds.remove(at: place)
    for part in held.subtracting(holds) {
      // SAFETY: whole pages of the mapping, which no window holds.
      unsafe weir_drop(base + part.lowerBound, part.count)
      // SAFETY: the same pages.
      if isFenced { unsafe weir_fence(base + part.lowerBound, part.count, 0) }
    }
  }

  /// The pages that a window on the bytes of `range` holds.
  private func pages(of range: Range<Int>, _ isFenced: Bool) -> Range<Int> {
    let page = Int(weir_page_size())
    let unit = isFenced ? page : WindowReader.largePageByteCount
    return range.lowerBound / unit
      * unit..<min((range.upperBound + unit - 1) / unit * unit, (byteCount + page - 1) / page * page)
  }
}

extension Range where Bound == Int {
  /// What none of `others` covers, ascending.
  func subtracting(_ others: [Range<Int>]) -> [Range<Int>] {
    others.reduce([self]) { parts, other in
      parts.flatMap { part in
        guard part.overlaps(other) else { return [part] }
        let before = part.lowerBound..<Swift.max(part.lowerBound, other.lowerBound)
        return [before, Swift.min(part.upperBound, other.upperBound)..<part.upperBound].filter { !$0.isEmpty }
      }
    }
  }
}
