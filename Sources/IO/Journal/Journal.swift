/// A file of small records that only grows, each of which vouches for itself and for all before it.
///
///     byte 0    "WEIRJRN1"
///     byte 8    records, one after the other:
///               | n: 4 bytes, little end first | kind: 1 byte | payload: n bytes | checksum: 8 bytes |
///
/// A record's checksum is the XXH3-64 of the checksum before it and of all that stands before it in the record, so that a record
/// which is torn, changed, taken from another journal or out of its place ends the journal. What follows is cut off.
///
/// Nothing is synced: a journal that has lost its end says less, not something wrong.
public final class Journal: Sendable {
  /// One thing that a run has noted.
  public struct Record: Equatable, Sendable {
    public let kind: UInt8
    public let payload: [UInt8]

    public init(kind: UInt8, payload: [UInt8]) {
      self.kind = kind
      self.payload = payload
    }
  }

  public let path: String
  private let fd: Int32
  private let state: Lock<Writing>

  private struct Writing {
    var end: Int
    var checksum: [UInt8]
  }

  static let magic = Array("WEIRJRN1".utf8)
  /// The most bytes that are read of a journal: pieces of ten terabytes.
  static let maximumByteCount = 256 << 20
  /// Bytes of a record beside its payload.
  private static let frame = 4 + 1 + 8

  /// Opens the journal at `path`, or begins one.
  ///
  /// - Parameter isFresh: whether to begin one whatever stands there.
  /// - Returns: the journal, and what it holds: nothing where it is new or its beginning is not sound.
  /// - Throws: ``CheckpointError`` where the file cannot be read or written.
  public static func open(
    _ path: String, isFresh: Bool = false
  ) throws(CheckpointError) -> (journal: Journal, records: [Record]) {
    if !isFresh, let fd = try OutputCalls.openToContinue(path) {
      do throws(CheckpointError) {
        let file = try InputDescriptor(path)
        let bytes = try file.read(min(file.byteCount, maximumByteCount))
        let (records, writing) = parse(bytes)
        if !records.isEmpty {
          let code = OutputCalls.truncate(fd, writing.end)
          guard code == 0 else { throw CheckpointError(.writeFailed(offset: writing.end), file: path, errno: code) }
          return (Journal(path, fd, writing), records)
        }
        OutputCalls.closeFile(fd)
      } catch {
        OutputCalls.closeFile(fd)
        throw error
      }
    }
    let code = OutputCalls.removeTree(path)
    guard code == 0 else { throw CheckpointError(.system(call: "removing a journal"), file: path, errno: code) }
    let fd = try OutputCalls.createFile(path)
    let journal = Journal(path, fd, Writing(end: magic.count, checksum: checksum(magic)))
    let failure = OutputCalls.write(fd, magic, at: 0)
    guard failure == 0 else { throw journal.failure(failure, at: 0) }
    return (journal, [])
  }

  /// What a journal says, which is neither opened for writing nor cut; nothing where there is none.
  static func entries(of path: String) -> [JournalEntry] {
    guard let file = try? InputDescriptor(path), let bytes = try? file.read(min(file.byteCount, maximumByteCount))
    else {
      return []
    }
    return parse(bytes).0.map(JournalEntry.init).prefix { $0 != nil }.compactMap(\.self)
  }

  private init(_ path: String, _ fd: Int32, _ writing: Writing) {
    self.path = path
    self.fd = fd
    state = Lock(writing)
  }

  deinit { OutputCalls.closeFile(fd) }

  /// Notes something; may be called from any thread.
  public func append(_ record: Record) throws(CheckpointError) {
    try state.withLock { (state) throws(CheckpointError) in
      var bytes = Self.head(record)
      let checksum = Self.checksum(state.checksum + bytes)
      bytes += checksum
      let code = OutputCalls.write(fd, bytes, at: state.end)
      guard code == 0 else { throw failure(code, at: state.end) }
      state = Writing(end: state.end + bytes.count, checksum: checksum)
    }
  }

  private func failure(_ code: Int32, at offset: Int) -> CheckpointError {
    guard SystemError.isFull(code) else {
      return CheckpointError(.writeFailed(offset: offset), file: path, errno: code)
    }
    return CheckpointError(.noSpace(needed: 1, free: freeBytes(at: path)), file: path, errno: code)
  }

  // MARK: - Bytes

  /// The sound records at the beginning of a journal, and where the next one goes.
  private static func parse(_ bytes: [UInt8]) -> ([Record], Writing) {
    var records: [Record] = []
    var writing = Writing(end: magic.count, checksum: checksum(magic))
    guard bytes.starts(with: magic) else { return (records, writing) }
    while bytes.count - writing.end >= frame {
      let length = bytes[writing.end..<writing.end + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - writing.end - frame else { break }
      let end = writing.end + 5 + length
      let sum = checksum(writing.checksum + bytes[writing.end..<end])
      guard bytes[end..<end + 8].elementsEqual(sum) else { break }
      records.append(Record(kind: bytes[writing.end + 4], payload: Array(bytes[writing.end + 5..<end])))
      writing = Writing(end: end + 8, checksum: sum)
    }
    return (records, writing)
  }

  private static func head(_ record: Record) -> [UInt8] {
    precondition(record.payload.count <= maximumByteCount, "a record that can be read again")
    var text = ByteText()
    text.append(UInt32(record.payload.count))
    text.append(record.kind)
    text.append(record.payload)
    return text.bytes
  }

  private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var text = ByteText()
    // SAFETY: the array lives for the call.
    text.append(unsafe bytes.withUnsafeBytes { unsafe BlockChecksum.of($0) })
    return text.bytes
  }
}
