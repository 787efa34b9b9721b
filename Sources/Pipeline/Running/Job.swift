internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A tensor being worked on: where its operands are, how it is evaluated, and at last what is applied.
///
/// Sendable: all that changes is changed by one worker at a time, between claims that the schedule hands out under its lock.
final class Job: @unchecked Sendable {
  /// An operand's bytes.
  struct Input: Sendable {
    let file: InputFile
    /// Where the tensor's first byte is.
    let start: Int
    let elementBytes: Int
    let operand: Operand
  }

  let inputs: [Input]
  /// What gathers the statistics, until they are known; `nil` for a copy.
  var computation: Computation?
  var application: Application?
  var sweep: Sweep?

  init(inputs: [Input], computation: Computation?) {
    self.inputs = inputs
    self.computation = computation
  }

  /// Bytes of the widest operand's elements.
  var widestElement: Int { inputs.map(\.elementBytes).max() ?? 1 }
}

extension GraphPlan {
  /// Finds the bytes of operands.
  func inputs(_ operands: [Operand]) -> [Job.Input] {
    operands.map { operand in
      let checkpoint = sources[operand.source].checkpoint
      let location = checkpoint.locations[operand.tensor]
      return Job.Input(
        file: checkpoint.files[location.file], start: location.bytes.lowerBound,
        elementBytes: checkpoint.catalogue.tensors[operand.tensor].dtype.byteCount, operand: operand)
    }
  }
}
