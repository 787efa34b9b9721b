internal import WeirIO

/// Puts what workers finish in any order into the order of the file.
final class OrderedAppender: Sendable {
  private struct State {
    var next = 0
    var waiting: [Int: [ArchivePayload]] = [:]
    var failure: CheckpointError?
    var isStopped = false
  }

  private let state = Monitor(State())
  private let limit: Int
  /// Called after each unit has been appended.
  private let didAppend: @Sendable (Int, ArchiveWriter) throws(CheckpointError) -> Void
  // Only reached under the monitor's lock.
  private let writer: ArchiveWriter

  /// - Parameters:
  ///   - limit: how far a unit may be ahead of the next one to be written; memory is bounded by as many units.
  ///   - didAppend: called after each unit has been appended, in their order.
  init(
    _ writer: ArchiveWriter, limit: Int,
    didAppend: @escaping @Sendable (Int, ArchiveWriter) throws(CheckpointError) -> Void = { _, _ in }
  ) {
    self.writer = writer
    self.limit = limit
    self.didAppend = didAppend
  }

  /// Hands over a unit; waits while it is too far ahead.
  ///
  /// Units are claimed in order, so that whoever computes the next one never waits here.
  func append(_ unit: Int, _ payloads: [ArchivePayload]) throws(CheckpointError) {
    let failure = state.wait { state -> CheckpointError?? in
      if state.isStopped { return .some(state.failure) }
      return unit < state.next + limit ? .some(nil) : nil
    }
    if let failure { throw failure }
    let problem = state.change { state -> CheckpointError? in
      guard !state.isStopped else { return state.failure }
      state.waiting[unit] = payloads
      while let ready = state.waiting.removeValue(forKey: state.next) {
        do throws(CheckpointError) {
          for payload in ready {
            if let coding = payload.coding { try writer.recode(tensor: payload.tensor, as: coding) }
            if let block = payload.block {
              try writer.append(payload.bytes, tensor: payload.tensor, block: block)
            } else {
              try writer.appendShared(payload.bytes, tensor: payload.tensor)
            }
          }
          try didAppend(state.next, writer)
        } catch {
          state.failure = error
          state.isStopped = true
          return error
        }
        state.next += 1
      }
      return nil
    }
    if let problem { throw problem }
  }

  /// Ends all waiting, where a worker has failed: what would be waited for may never come.
  func stop() { state.change { $0.isStopped = true } }
}
