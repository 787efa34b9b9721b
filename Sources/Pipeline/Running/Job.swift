internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A tensor being worked on: where its operands are, how it is evaluated, and at last what is applied.
///
/// Sendable: all that changes is changed by one worker at a time, between claims that the schedule hands out under its lock; what
/// several find in one sweep is taken in under a lock of its own.
final class Job: @unchecked Sendable {
  /// An operand's bytes.
  struct Input: Sendable {
    let file: InputFile
    /// Where the tensor's first byte is.
    let start: Int
    let elementBytes: Int
    let operand: Operand
    /// Set where the bytes are an archive's, to be decoded.
    var coded: CodedTensor?
    /// Set where there are no bytes: elements are an adapter's, to be computed.
    var adapted: AdapterTensor?
    /// Set where elements are rows that are gathered from several files.
    var gathered: GatheredTensor?

    /// Elements that are made together; `nil` where they are read as they are needed.
    var blockLength: Int? { coded?.blockLength ?? adapted?.panelLength ?? gathered?.panelLength }
  }

  /// Parts taken in so far. (Of a state without bytes the thread sanitizer takes the lock itself for the state.)
  private let absorbed = Monitor(0)
  let inputs: [Input]
  /// What gathers the statistics, until they are known; `nil` for a copy.
  var computation: Computation?
  var application: Application?
  var sweep: Sweep?

  init(inputs: [Input], computation: Computation?) {
    self.inputs = inputs
    self.computation = computation
  }

  /// Takes in what a worker found in some units of the present sweep; from any thread.
  func absorb(_ partial: SweepPartial) {
    absorbed.withLock { count in
      count += 1
      computation?.absorb(partial)
    }
  }

  /// Bytes of the widest operand's elements.
  var widestElement: Int { inputs.map(\.elementBytes).max() ?? 1 }

  /// Cuts elements into steps of at most `length`, each within one block of every archive and one panel of every
  /// product and vocabulary that is read.
  func steps(_ elements: Range<Int>, of length: Int, ranks: RankSteps? = nil) -> some Sequence<Range<Int>> {
    let lengths = Set(inputs.compactMap(\.blockLength))
    return CodedTensor.steps(
      elements, of: min(length, ranks?.longest ?? .max), endingAt: ranks?.group ?? 1, blockLengths: Array(lengths))
  }
}

extension CodedTensor {
  /// Cuts elements into steps of at most `length` that do not cross the edge of a block of any of the lengths, and end at
  /// multiples of `group` where that is not longer.
  static func steps(
    _ elements: Range<Int>, of length: Int, endingAt group: Int = 1, blockLengths: [Int]
  ) -> some Sequence<Range<Int>> {
    sequence(state: elements.lowerBound) { start -> Range<Int>? in
      guard start < elements.upperBound else { return nil }
      var end = elements.upperBound - start > max(1, length) ? start + max(1, length) : elements.upperBound
      if end < elements.upperBound, end - end % group > start { end -= end % group }
      for blockLength in blockLengths { end = min(end, (start / blockLength + 1) * blockLength) }
      defer { start = end }
      return start..<end
    }
  }
}

extension GraphPlan {
  /// Finds the bytes of operands.
  func inputs(_ operands: [Operand]) -> [Job.Input] {
    operands.map { operand in
      if let coded = coded(operand) {
        return Job.Input(
          file: coded.archive.file, start: 0, elementBytes: coded.elementBytes, operand: operand, coded: coded)
      }
      if let adapted = adapted(operand) {
        return Job.Input(
          file: adapted.adapter.checkpoint.files[0], start: 0, elementBytes: 4, operand: operand, adapted: adapted)
      }
      if let gathered = gathered(operand) {
        return Job.Input(
          file: gathered.parts[0].file, start: 0, elementBytes: gathered.dtype.byteCount, operand: operand,
          gathered: gathered)
      }
      let (file, bytes) = location(of: operand)
      return Job.Input(
        file: file, start: bytes.lowerBound, elementBytes: info(of: operand).dtype.byteCount, operand: operand)
    }
  }
}
