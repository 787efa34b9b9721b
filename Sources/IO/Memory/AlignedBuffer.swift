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

  /// Bytes that can be used: what was asked for, rounded up to ``alignment``.
  public let byteCount: Int

  private let start: UnsafeMutableRawPointer

  /// Reserves address space for at least `byteCount` bytes.
  public init(byteCount: Int) throws(CheckpointError) {
    precondition(byteCount >= 0, "a buffer has no negative size")
    let rounded = max(Self.alignment, Self.roundedUp(byteCount))
    // SAFETY: a private mapping of no file at no wished address; nothing else refers to the memory.
    let mapped = unsafe mmap(nil, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw CheckpointError(.outOfMemory(byteCount: rounded), errno: SystemError.last)
    }
    self.byteCount = rounded
    unsafe start = mapped
  }

  deinit {
    // SAFETY: the mapping was made in `init` with this size, and no borrow outlives the owner.
    unsafe _ = munmap(start, byteCount)
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
