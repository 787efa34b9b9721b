/// Decides what each worker does next: a state machine without threads, clocks or files.
///
/// A job is a tensor whose statistics must be known before it can be applied; a block is a piece of an output that covers
/// some jobs. Blocks are handed out in order, each once all its jobs are ready; the statistics of the jobs just ahead are
/// gathered meanwhile. Without blocks, only statistics are gathered.
struct Schedule {
  enum Action: Equatable, Sendable {
    /// Lower the job and find its first sweep.
    case prepare(Int)
    /// Sweep some units of the job's present sweep.
    case sweep(job: Int, units: Range<Int>)
    /// Compute and write a block.
    case block(Int)
    /// Nothing can be done until another worker reports.
    case wait
    case stop
  }

  /// A sweep to hand out: its units, and how many make one claim.
  struct Units: Equatable, Sendable {
    let range: Range<Int>
    let perClaim: Int
  }

  private enum State: Equatable {
    case untouched
    case busy
    case sweeping(next: Int, units: Units, outstanding: Int)
    case ready
    case finished
  }

  private var states: [State]
  private let blocks: [Range<Int>]
  /// Blocks of each job that are not written yet.
  private var blocksLeft: [Int]
  private var nextBlock = 0
  private var blocksDone = 0
  private var nextJob = 0
  /// Jobs that have been begun and are not finished.
  private var active = 0
  private var sweeping: [Int] = []
  private var computing = 0
  private let limit: Int
  private let lookahead: Int
  private(set) var isStopped = false

  /// - Parameters:
  ///   - jobCount: how many jobs there are; they are begun in order.
  ///   - blocks: the jobs that each block covers, ascending; a block of no job needs none.
  ///   - limit: how many workers may compute at the same time.
  init(jobCount: Int, blocks: [Range<Int>], limit: Int) {
    states = Array(repeating: .untouched, count: jobCount)
    self.blocks = blocks
    self.limit = limit
    lookahead = blocks.isEmpty ? 2 * limit : 2
    blocksLeft = Array(repeating: 0, count: jobCount)
    for block in blocks {
      for job in block { blocksLeft[job] += 1 }
    }
  }

  /// Claims work for a worker; every claim but `wait` and `stop` counts as computing until it is reported.
  ///
  /// - Parameter prefersSweeps: whether the worker would rather gather statistics than compute blocks. With some of either
  ///   kind, statistics and writing overlap.
  mutating func next(prefersSweeps: Bool) -> Action {
    if isStopped { return .stop }
    skipJobsWithoutBlocks()
    if isDone { return .stop }
    guard computing < limit else { return .wait }
    let action =
      claimPreparation() ?? (prefersSweeps ? claimSweep() ?? claimBlock() : claimBlock() ?? claimSweep()) ?? .wait
    if action != .wait { computing += 1 }
    return action
  }

  /// A job's preparation, or the end of one of its sweeps, has been worked through: its next sweep, or `nil` if it is ready.
  mutating func settled(_ job: Int, _ sweep: Units?) {
    computing -= 1
    if let sweep {
      states[job] = .sweeping(next: sweep.range.lowerBound, units: sweep, outstanding: 0)
      sweeping.append(job)
    } else if blocks.isEmpty {
      states[job] = .finished
      active -= 1
    } else {
      states[job] = .ready
    }
  }

  /// A claim of a sweep has been worked through; whether it was the sweep's last, so that the caller must end the sweep,
  /// still computing, and report with ``settled(_:_:)``.
  mutating func swept(_ job: Int) -> Bool {
    guard case .sweeping(let next, let units, let outstanding) = states[job] else { return false }
    if outstanding == 1, next == units.range.upperBound {
      states[job] = .busy
      return true
    }
    computing -= 1
    states[job] = .sweeping(next: next, units: units, outstanding: outstanding - 1)
    return false
  }

  /// A block has been computed and is only being written.
  mutating func computed() { computing -= 1 }

  /// A block has been written; the jobs that are finished with it.
  mutating func wrote(_ block: Int) -> [Int] {
    blocksDone += 1
    var finished: [Int] = []
    for job in blocks[block] {
      blocksLeft[job] -= 1
      if blocksLeft[job] == 0 {
        states[job] = .finished
        active -= 1
        finished.append(job)
      }
    }
    return finished
  }

  /// Hands out nothing more.
  mutating func stop() { isStopped = true }

  /// Whether all is done.
  var isDone: Bool { blocks.isEmpty ? nextJob == states.count && active == 0 : blocksDone == blocks.count }

  // MARK: - Claims

  /// Jobs that no block covers, empty tensors, have nothing to be ready for.
  private mutating func skipJobsWithoutBlocks() {
    guard !blocks.isEmpty else { return }
    while nextJob < states.count, blocksLeft[nextJob] == 0 {
      states[nextJob] = .finished
      nextJob += 1
    }
  }

  /// Jobs of the next block are begun at once; beyond it, as many as are wanted in flight.
  private mutating func claimPreparation() -> Action? {
    guard nextJob < states.count else { return nil }
    if nextBlock < blocks.count {
      guard nextJob < blocks[nextBlock].upperBound + lookahead else { return nil }
    } else {
      guard blocks.isEmpty, active < lookahead else { return nil }
    }
    // A job far ahead is not begun while many wait to be swept.
    let isNeeded = nextBlock < blocks.count && nextJob < blocks[nextBlock].upperBound
    guard isNeeded || sweeping.count < 2 else { return nil }
    states[nextJob] = .busy
    active += 1
    nextJob += 1
    return .prepare(nextJob - 1)
  }

  private mutating func claimSweep() -> Action? {
    guard let job = sweeping.first, case .sweeping(let next, let units, let outstanding) = states[job] else {
      return nil
    }
    let end = min(next + units.perClaim, units.range.upperBound)
    states[job] = .sweeping(next: end, units: units, outstanding: outstanding + 1)
    if end == units.range.upperBound { sweeping.removeFirst() }
    return .sweep(job: job, units: next..<end)
  }

  private mutating func claimBlock() -> Action? {
    guard nextBlock < blocks.count, blocks[nextBlock].allSatisfy({ states[$0] == .ready || blocksLeft[$0] == 0 }) else {
      return nil
    }
    nextBlock += 1
    return .block(nextBlock - 1)
  }
}
