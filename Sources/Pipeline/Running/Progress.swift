internal import Synchronization

/// How far a run has come; read by anyone at any time.
public final class Progress: Sendable {
  private let read = Atomic<Int>(0)
  private let written = Atomic<Int>(0)
  private let interrupted = Atomic<Bool>(false)
  private let undecodable = Atomic<Bool>(false)

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
    min(1, Double(bytesRead + bytesWritten) / Double(max(1, bytesToRead + bytesToWrite)))
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
