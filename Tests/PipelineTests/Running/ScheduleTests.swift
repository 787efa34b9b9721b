import TestSupport
import Testing

@testable import WeirPipeline

/// A crew without threads: workers that take turns at random, and note everything that they do.
private struct Crowd {
  /// What a worker is in the middle of.
  enum Work {
    case idle, stopped
    case preparing(Int)
    case sweeping(Int, Range<Int>)
    case ending(Int)
    case computing(Int)
    case writing(Int)
  }

  var schedule: Schedule
  var random: SplitMix64
  let limit: Int
  /// The lengths of each job's sweeps still to come.
  var sweeps: [[Int]]
  let blocks: [Range<Int>]
  var workers: [Work]
  var problems: [String] = []
  private var swept: [[Int]]
  private var current: [Int?]
  private var isReady: [Bool]
  private var isPrepared: [Bool]
  private(set) var written: [Int]
  private(set) var finished: [Int]
  private let lengths: [[Int]]

  /// - Parameter kept: places, among the blocks of this seed, of those that an earlier run has written.
  init(seed: UInt64, kept: Set<Int> = []) {
    random = SplitMix64(seed: seed)
    let jobs = random.int(0..<12)
    limit = random.int(1..<5)
    var generator = random
    let kind = random.int(0..<4)
    sweeps = (0..<jobs).map { _ in
      switch kind {
      case 0: []
      case 1: [generator.int(1..<20)]
      default: (0..<generator.int(0..<4)).map { _ in generator.int(1..<20) }
      }
    }
    // Blocks cut the jobs' bytes, some of which have none; some schedules only gather.
    var blocks: [Range<Int>] = []
    if generator.next() % 4 != 0 {
      let sizes = (0..<jobs).map { _ in generator.next() % 4 == 0 ? 0 : generator.int(1..<30) }
      let starts = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
      let length = generator.int(1..<25)
      for start in stride(from: 0, to: starts[jobs], by: length) {
        let covered = (0..<jobs).filter { starts[$0] < start + length && starts[$0 + 1] > start }
        guard let first = covered.first, let last = covered.last else { continue }
        blocks.append(first..<last + 1)
      }
    }
    random = generator
    blocks = blocks.enumerated().filter { !kept.contains($0.offset) }.map(\.element)
    self.blocks = blocks
    lengths = sweeps
    schedule = Schedule(jobCount: jobs, blocks: blocks, limit: limit)
    workers = Array(repeating: .idle, count: blocks.isEmpty ? limit : 2 * limit)
    swept = Array(repeating: [], count: jobs)
    current = Array(repeating: nil, count: jobs)
    isReady = Array(repeating: false, count: jobs)
    isPrepared = Array(repeating: false, count: jobs)
    written = Array(repeating: 0, count: blocks.count)
    finished = Array(repeating: 0, count: jobs)
  }

  /// Works everything off, in some order; whether an end was reached.
  ///
  /// - Parameters:
  ///   - stop: the step before which somebody ends it all.
  ///   - failure: the step before which a worker fails at what it does, and reports nothing more of it.
  mutating func run(stopsAfter stop: Int? = nil, failsAfter failure: Int? = nil) -> Bool {
    for step in 0..<20_000 {
      if step == stop { schedule.stop() }
      if step == failure {
        schedule.stop()
        workers[random.int(0..<workers.count)] = .stopped
      }
      let awake = workers.indices.filter { if case .stopped = workers[$0] { false } else { true } }
      if awake.isEmpty { return true }
      // A worker that waits is woken by the next change: only when nobody else can move is it a deadlock.
      let order = awake.shuffled(using: &random)
      guard order.contains(where: { move($0) }) else {
        problems.append("nobody can move")
        return false
      }
    }
    problems.append("no end")
    return false
  }

  /// Lets a worker take its next step; whether it could.
  private mutating func move(_ worker: Int) -> Bool {
    switch workers[worker] {
    case .stopped: return false
    case .idle: return claim(worker)
    case .preparing(let job), .ending(let job):
      settle(job)
      workers[worker] = .idle
    case .sweeping(let job, let units):
      swept[job] += Array(units)
      workers[worker] = schedule.swept(job) ? .ending(job) : .idle
    case .computing(let block):
      schedule.computed()
      workers[worker] = .writing(block)
    case .writing(let block):
      written[block] += 1
      for job in schedule.wrote(block) { finished[job] += 1 }
      workers[worker] = .idle
    }
    return true
  }

  private mutating func claim(_ worker: Int) -> Bool {
    switch schedule.next(prefersSweeps: worker % 2 == 1) {
    case .wait: return false
    case .stop: workers[worker] = .stopped
    case .prepare(let job):
      if isPrepared[job] { problems.append("job \(job) is prepared twice") }
      isPrepared[job] = true
      workers[worker] = .preparing(job)
    case .sweep(let job, let units):
      guard let length = current[job], units.upperBound <= length + 3, units.lowerBound >= 3, !units.isEmpty else {
        problems.append("job \(job) has no units \(units)")
        return false
      }
      workers[worker] = .sweeping(job, units)
    case .block(let block):
      for job in blocks[block] where !isReady[job] { problems.append("block \(block) comes before job \(job)") }
      workers[worker] = .computing(block)
    }
    let computing = workers.count {
      switch $0 {
      case .idle, .stopped, .writing: false
      default: true
      }
    }
    if computing > limit { problems.append("\(computing) compute, the limit is \(limit)") }
    return true
  }

  /// Ends a job's sweep, if it was in one, and finds its next. Units begin at 3, as those of a search may.
  private mutating func settle(_ job: Int) {
    if let length = current[job] {
      if swept[job].sorted() != Array(3..<length + 3) { problems.append("job \(job) swept \(swept[job]) of \(length)") }
      swept[job] = []
    }
    guard let length = sweeps[job].first else {
      current[job] = nil
      isReady[job] = true
      schedule.settled(job, nil)
      return
    }
    sweeps[job].removeFirst()
    current[job] = length
    schedule.settled(job, Schedule.Units(range: 3..<length + 3, perClaim: random.int(1..<8)))
  }

  /// Checks that all work was done, once.
  mutating func checkDone() {
    for (block, count) in written.enumerated() where count != 1 { problems.append("block \(block): \(count) times") }
    for job in sweeps.indices {
      let isCovered = blocks.isEmpty || blocks.contains { $0.contains(job) }
      if isCovered, !sweeps[job].isEmpty { problems.append("job \(job) has sweeps left") }
      if isCovered, !isReady[job] { problems.append("job \(job) never was ready") }
      if !blocks.isEmpty, finished[job] != (isCovered ? 1 : 0) {
        problems.append("job \(job) was finished \(finished[job]) times")
      }
    }
    if !schedule.isDone { problems.append("it is not done") }
  }

  var description: String { "limit \(limit), sweeps \(lengths), blocks \(blocks)" }
}

@Suite struct ScheduleTests {
  @Test(arguments: 0..<8)
  func `Every unit is swept and every block computed once, in order of need, whoever comes when`(part: Int) {
    for seed in part * 500..<(part + 1) * 500 {
      var crowd = Crowd(seed: UInt64(seed))
      if crowd.run() { crowd.checkDone() }
      #expect(crowd.problems.isEmpty, "seed \(seed): \(crowd.problems.prefix(3)); \(crowd.description)")
    }
  }

  @Test func `A stop ends all workers, and no block is written twice`() {
    for seed in 0..<800 {
      var crowd = Crowd(seed: UInt64(seed))
      let isEnded = crowd.run(stopsAfter: seed % 40)
      #expect(isEnded && crowd.problems.isEmpty, "seed \(seed): \(crowd.problems.prefix(3)); \(crowd.description)")
      #expect(crowd.written.allSatisfy { $0 <= 1 })
    }
  }

  @Test(arguments: [false, true])
  func `A run that ends anywhere and goes on, and again, writes each block once`(fails: Bool) {
    for seed in 0..<400 {
      var kept: Set<Int> = []
      let count = Crowd(seed: UInt64(seed)).blocks.count
      for attempt in 0..<30 {
        var crowd = Crowd(seed: UInt64(seed), kept: kept)
        // Without blocks there is nothing that a run could go on with.
        guard !crowd.blocks.isEmpty else { break }
        crowd.random = SplitMix64(seed: UInt64(1000 * seed + attempt))
        let step = attempt == 29 ? nil : crowd.random.int(0..<60)
        let isEnded = crowd.run(stopsAfter: fails ? nil : step, failsAfter: fails ? step : nil)
        #expect(isEnded && crowd.problems.isEmpty, "seed \(seed): \(crowd.problems.prefix(3)); \(crowd.description)")
        #expect(crowd.written.allSatisfy { $0 <= 1 })
        let left = (0..<count).filter { !kept.contains($0) }
        for (place, block) in left.enumerated() where crowd.written[place] == 1 { kept.insert(block) }
      }
      #expect(kept.count == count, "seed \(seed)")
    }
  }

  @Test func `Nothing to do is done at once`() {
    for limit in [1, 4] {
      var schedule = Schedule(jobCount: 0, blocks: [], limit: limit)
      #expect(schedule.next(prefersSweeps: true) == .stop)
    }
  }
}
