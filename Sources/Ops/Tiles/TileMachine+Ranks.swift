/// Where the elements come from that are ranked.
public protocol ElementSource {
  associatedtype Failure: Error

  /// The first of some elements, as many as one window may have.
  func part(of elements: Range<Int>) -> Range<Int>

  /// Windows by operand slot on elements of the operands; they last until the next are opened.
  func open(_ slots: [Int], _ elements: Range<Int>) throws(Failure) -> [InputWindow]

  /// What is to be said of a number that is not finite.
  func failure(_ error: NonFinite) -> Failure
}

extension TileMachine {
  /// Gathers the ranks that an application reads of some elements; of most it reads none.
  public func rank<Source: ElementSource>(
    _ application: Application, _ elements: Range<Int>, from source: Source
  ) throws(Source.Failure) {
    try rank(application.bound, elements, from: source)
  }

  /// Gathers the ranks that a sweep reads of some elements.
  public func rank<Source: ElementSource>(
    _ sweep: Sweep, _ elements: Range<Int>, from source: Source
  ) throws(Source.Failure) {
    try rank(sweep.bound, elements, from: source)
  }

  private func rank<Source: ElementSource>(
    _ bound: BoundProgram, _ elements: Range<Int>, from source: Source
  ) throws(Source.Failure) {
    guard !bound.rankings.isEmpty, !elements.isEmpty else { return }
    ranks.begin(bound.rankings.count, first: elements.lowerBound)
    for (place, ranking) in bound.rankings.enumerated() {
      switch bound.precision {
      case .single: try rank(ranking, place, elements, from: source, Float.self)
      case .double: try rank(ranking, place, elements, from: source, Double.self)
      }
    }
  }

  private func rank<Source: ElementSource, Element: KernelElement>(
    _ ranking: BoundProgram.Ranking, _ place: Int, _ elements: Range<Int>, from source: Source, _: Element.Type
  ) throws(Source.Failure) {
    var gathering = RankGathering<Element>(ranking.slices, elements, reusing: ranks.take(place))
    let machine = ranks.machine(like: self)
    try unsafe machine.visit(ranking.bound, elements, from: source, Element.self) { tile, first, count in
      unsafe gathering.take(tile, first, count)
    }
    gathering.order(ranks)
    for other in gathering.others {
      try unsafe machine.visit(ranking.bound, other, from: source, Element.self) { tile, first, count in
        unsafe gathering.count(tile, first, count)
      }
    }
    gathering.finish()
    ranks.put(place, gathering.ranks)
  }

  /// Computes some elements, tile by tile, whatever ranks they in turn depend on.
  private func visit<Source: ElementSource, Element: KernelElement>(
    _ bound: BoundProgram, _ elements: Range<Int>, from source: Source, _: Element.Type,
    _ body: (UnsafeMutablePointer<Element>, Int, Int) -> Void
  ) throws(Source.Failure) {
    var next = elements.lowerBound
    while next < elements.upperBound {
      let part = source.part(of: next..<min(elements.upperBound, next + min(elements.count, steps(bound).longest)))
      try rank(bound, part, from: source)
      let inputs = try unsafe source.open(bound.program.slots, part)
      while next < part.upperBound {
        let count = min(tileLength, part.upperBound - next)
        do throws(NonFinite) {
          try unsafe run(bound, first: next, count: count, inputs: inputs)
        } catch {
          throw source.failure(error)
        }
        unsafe body(register(bound.program.outputs[0], as: Element.self), next, count)
        next += count
      }
    }
  }

  /// How the elements of a program are best cut into steps.
  private func steps(_ bound: BoundProgram) -> RankSteps {
    let longest = bound.rankings.map { $0.slices.longestStep(rankStep) }.min() ?? .max
    return RankSteps(longest: longest, group: bound.rankings.map(\.slices.group).filter { $0 <= longest }.max() ?? 1)
  }

  /// How the elements of an application are best cut into steps.
  public func rankSteps(of application: Application) -> RankSteps { steps(application.bound) }

  /// How the elements of a sweep are best cut into steps.
  public func rankSteps(of sweep: Sweep) -> RankSteps { steps(sweep.bound) }

  /// Bytes that a run of a program needs in all: registers, and the ranks of a step with what they are gathered in.
  static func workingBytes(_ program: Program, _ precision: Precision, tileLength: Int, rankStep: Int) -> Int {
    let largest = program.rankings.reduce(0) { largest, ranking in
      // Keys, entries in order twice, places and counts.
      let gathering = ranking.slices.longestStep(rankStep) * 6 * max(4, precision.byteCount)
      return max(
        largest, gathering + workingBytes(ranking.program, precision, tileLength: tileLength, rankStep: rankStep))
    }
    return registerBytes(program, precision, tileLength: tileLength) + largest
      + program.rankings.reduce(0) { $0 + $1.slices.longestStep(rankStep) * 4 }
  }
}

/// How elements are best cut into steps, for each of which ranks are gathered.
public struct RankSteps: Sendable {
  /// The most elements of a step.
  public let longest: Int
  /// Elements at multiples of which a step should end, so that it has whole slices.
  public let group: Int
}

extension Slices {
  /// The most elements that are ranked in one step, of which memory allows `most`: few where slices are short.
  fileprivate func longestStep(_ most: Int) -> Int { group <= 1 << 17 ? min(most, 1 << 17) : most }
}

extension Program {
  /// How often, beside once, the ranking of slices longer than a step reads a tensor.
  func rereads(rankStep: Int) -> Int {
    rankings.reduce(0) { rereads, ranking in
      let (group, step) = (ranking.slices.group, ranking.slices.longestStep(rankStep))
      let own = group > step ? (group + step - 1) / step : 0
      return max(rereads, (own + 1) * (ranking.program.rereads(rankStep: rankStep) + 1) - 1)
    }
  }
}
