internal import CSystem
internal import Synchronization

/// A file mapped for reading; unmapped when it goes.
///
/// SIGBUS: a mapped file that another process makes shorter has pages that cannot be read. ``populate(_:)`` notices
/// that before they are touched; a page lost between the two reads as zeros and is remembered in ``isDamaged``, which
/// a run asks before it believes what it has read.
// Sendable: the mapping is never written, `base` never changes, and the watch and the mark are atomic.
@safe final class MappedRegion: @unchecked Sendable {
  let byteCount: Int
  private let base: UnsafeMutableRawPointer
  private let watch: Int32
  /// Where the last sweep ended: what lies before should not be resident.
  private let swept = Atomic<Int>(0)
  /// Whether the file is mapped by small pages alone.
  private let isSmall = Atomic<Bool>(false)

  /// Bytes between two sweeps, and between a sweep's end and the window that calls for it.
  private static let sweepDistance = 8 << 20
  /// Bytes that one fault maps.
  private static let faultRun = 64 << 10
  private static let pageMask = Int(weir_page_size()) - 1

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

  /// Has the file mapped by small pages from now on, so that no window holds more than it asks for.
  func avoidLargePages() {
    guard !isSmall.exchange(true, ordering: .relaxed) else { return }
    // SAFETY: the whole of the mapping; what is mapped stays as it is.
    unsafe weir_map_small(base, byteCount)
  }

  /// Brings the pages of `range` into memory; the system's error number where it cannot.
  func populate(_ range: Range<Int>) -> Int32? {
    let start = range.lowerBound & ~Self.pageMask
    // SAFETY: whole pages of the mapping, of which `range` is a part.
    let result = unsafe weir_populate(base + start, range.upperBound - start)
    return result == 0 ? nil : -result
  }

  /// Lets the pages of `range` go but a last one that the next window shares, and now and then all before them.
  ///
  /// A page that a window shares with the one before it is dropped by the later one: dropped by the earlier it would
  /// fault again, and on newer systems one fault maps the whole large folio around it, windows already dropped included.
  /// Sweeps catch what still slips through when windows close out of order.
  ///
  /// Long windows let whole large pages go, and shorter ones whole runs of pages that one fault maps, with the one that they begin in
  /// and not the one that they end in: what a window's own faults mapped around it goes too, and a large page of which a part is let go
  /// would be taken apart, which every processor has to be told of.
  func drop(_ range: Range<Int>) {
    let isLong = range.count >= WindowReader.largePageByteCount / 2 && !isSmall.load(ordering: .relaxed)
    let unit =
      isLong ? WindowReader.largePageByteCount : range.count >= 2 * Self.faultRun ? Self.faultRun : Self.pageMask + 1
    let mask = unit - 1
    let start = range.lowerBound & ~mask
    let end = range.upperBound == byteCount ? byteCount : range.upperBound & ~mask
    // SAFETY: whole pages of the mapping; live windows on them read the same bytes again.
    if start < end { unsafe weir_drop(base + start, end - start) }
    sweep(before: start)
  }

  /// Lets go of what slipped through before `place`, where a reader ends its last window on the file.
  ///
  /// No later window sweeps it, and of many shards little adds up.
  func leave(at place: Int) {
    let end = place == byteCount ? byteCount : place & ~Self.pageMask
    let start = max(0, min(swept.load(ordering: .relaxed), end - 2 * Self.sweepDistance))
    // SAFETY: whole pages of the mapping; live windows of others on them read the same bytes again.
    if start < end { unsafe weir_drop(base + start, end - start) }
  }

  private func sweep(before place: Int) {
    let last = swept.load(ordering: .relaxed)
    guard place >= last else {
      // A new pass over the file has begun.
      if place < last - 2 * Self.sweepDistance { swept.store(place, ordering: .relaxed) }
      return
    }
    let end = place - Self.sweepDistance
    guard end - last > Self.sweepDistance else { return }
    guard swept.compareExchange(expected: last, desired: end, ordering: .relaxed).exchanged else { return }
    // Where memory is tight, what a worker that fell behind has mapped again since the sweeps before goes too.
    let start = isSmall.load(ordering: .relaxed) ? max(0, last - 4 * Self.sweepDistance) : last
    // SAFETY: both ends are page boundaries inside the mapping; live windows there read the same bytes again.
    unsafe weir_drop(base + start, end - start)
  }
}
