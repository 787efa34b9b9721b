#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Memory that can be written to a file unbuffered: it starts on a page and ends on one.
///
/// Pages take memory when they are first touched, and are zero until then. One owner at a time writes to it: the buffer
/// cannot be copied, and a worker keeps its own.
///
/// The pointer has one owner, so a buffer may move to another thread; hence `@unchecked Sendable`.
@safe
public struct AlignedBuffer: ~Copyable, @unchecked Sendable {
  /// Start and size are multiples of this.
  public static let alignment = 4096

  /// The size of a large page, on machines that have them.
  private static let largePage = 2 << 20

  /// Bytes that can be used: what was asked for, rounded up to ``alignment``.
  public let byteCount: Int

  private let start: UnsafeMutableRawPointer
  /// All that is mapped; ``bytes`` are some of it.
  private let reservation: UnsafeMutableRawBufferPointer

  /// Reserves address space for at least `byteCount` bytes.
  ///
  /// - Parameter usesLargePages: whether memory is taken two MiB at a time, where the system can. The kernel pins one such page for
  ///   a write where it pins 512 small ones; but a buffer of which little is touched takes more.
  public init(byteCount: Int, usesLargePages: Bool = false) throws(CheckpointError) {
    precondition(byteCount >= 0, "a buffer has no negative size")
    let rounded = max(Self.alignment, Self.roundedUp(byteCount))
    // Address space that is mapped but never touched takes no memory, so that there is room to begin on a large page.
    let slack = usesLargePages && rounded >= Self.largePage ? Self.largePage - Self.alignment : 0
    // SAFETY: a private mapping of no file at no wished address; nothing else refers to the memory.
    let mapped = unsafe mmap(nil, rounded + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw CheckpointError(.outOfMemory(byteCount: rounded), errno: SystemError.last)
    }
    self.byteCount = rounded
    unsafe reservation = UnsafeMutableRawBufferPointer(start: mapped, count: rounded + slack)
    unsafe start = slack > 0 ? mapped.alignedUp(toMultipleOf: Self.largePage) : mapped
    #if os(Linux)
      // What is left at the end stays small, so that no more memory is taken than was asked for; and where there are no large
      // pages, nothing changes.
      if slack > 0 { unsafe _ = madvise(start, rounded / Self.largePage * Self.largePage, MADV_HUGEPAGE) }
    #endif
  }

  deinit {
    // SAFETY: the mapping was made in `init` with this size, and no borrow outlives the owner.
    unsafe _ = munmap(reservation.baseAddress, reservation.count)
  }

  /// All ``byteCount`` bytes; valid while the buffer lives.
  public var bytes: UnsafeMutableRawBufferPointer {
    // SAFETY: `start` is mapped for `byteCount` bytes until `deinit`.
    unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  /// Copies `source` to the buffer, from byte `offset` of it on.
  public borrowing func fill(from source: ArraySlice<UInt8>, at offset: Int = 0) {
    precondition(offset >= 0 && source.count <= byteCount - offset, "more bytes than the buffer holds")
    // SAFETY: the range was checked, and an array never shares memory with a private mapping.
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: source)
  }

  /// Zeroes the bytes from `count` up to the next multiple of ``alignment``, and returns that multiple.
  borrowing func pad(after count: Int) -> Int {
    let end = Self.roundedUp(count)
    precondition(count >= 0 && end <= byteCount, "more bytes than the buffer holds")
    // SAFETY: both ends of the range were checked against `byteCount`.
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count..<end]).initializeMemory(as: UInt8.self, repeating: 0)
    return end
  }

  private static func roundedUp(_ count: Int) -> Int {
    let (sum, overflow) = count.addingReportingOverflow(alignment - 1)
    precondition(!overflow, "a buffer's size is a number of bytes that memory can hold")
    return sum / alignment * alignment
  }
}
