internal import Synchronization

/// How far a run has come; read by anyone at any time.
public final class Progress: Sendable {
  private let read = Atomic<Int>(0)
  private let written = Atomic<Int>(0)
  private let interrupted = Atomic<Bool>(false)
  private let undecodable = Atomic<Bool>(false)
  private let skipped = Atomic<Int>(0)
  private let kept = Monitor<[String]>([])

  /// Bytes that the run will write.
  public let bytesToWrite: Int
  /// Bytes that the run will read, every pass counted.
  public let bytesToRead: Int

  public init(_ plan: Plan) {
    bytesToWrite = plan.bytesOut
    bytesToRead = plan.bytesIn
  }

  /// The progress of something that only reads.
  public init(bytesToRead: Int) {
    self.bytesToRead = bytesToRead
    bytesToWrite = 0
  }

  public var bytesRead: Int { read.load(ordering: .relaxed) }
  public var bytesWritten: Int { written.load(ordering: .relaxed) }

  /// The share of the work that is done, from 0 to 1: bytes moved in either direction.
  public var fraction: Double {
    min(1, Double(bytesRead + bytesWritten + bytesSkipped) / Double(max(1, bytesToRead + bytesToWrite)))
  }

  /// Bytes that need not be moved because an earlier run has done so.
  private var bytesSkipped: Int { skipped.load(ordering: .relaxed) }

  /// The hidden folders in which something finished is kept, should the run end now.
  public var keptPlaces: [String] { kept.withLock { $0 } }

  /// Notes that there is something finished in a hidden folder.
  func noteKept(_ place: String) {
    kept.withLock { if !$0.contains(place) { $0.append(place) } }
  }

  /// Notes that what is in a hidden folder is worth nothing.
  func forgetKept(_ place: String) { kept.withLock { $0.removeAll { $0 == place } } }

  /// Counts bytes of an output that an earlier run has written, and what would have been read for them.
  func addSkipped(_ count: Int) {
    let share = Double(bytesToRead + bytesToWrite) / Double(max(1, bytesToWrite))
    skipped.wrappingAdd(Int(Double(count) * share), ordering: .relaxed)
  }

  /// Asks the run to end soon; it leaves nothing under a final name. May be called from any thread.
  public func interrupt() { interrupted.store(true, ordering: .releasing) }

  /// Whether somebody asked the run to end.
  public var isInterrupted: Bool { interrupted.load(ordering: .acquiring) }

  /// Notes that a block of an archive could not be decoded against its base.
  func noteUndecodable() { undecodable.store(true, ordering: .releasing) }

  /// Whether there was such a block.
  var hasUndecodable: Bool { undecodable.load(ordering: .acquiring) }

  func addRead(_ count: Int) { read.wrappingAdd(count, ordering: .relaxed) }
  func addWritten(_ count: Int) { written.wrappingAdd(count, ordering: .relaxed) }
}
