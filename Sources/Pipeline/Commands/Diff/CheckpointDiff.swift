public import WeirIO
public import WeirOps
public import WeirTensors

/// How two checkpoints differ, tensor by tensor.
public struct CheckpointDiff: Sendable {
  /// A tensor that both have.
  public struct Tensor: Sendable {
    public let a: TensorInfo
    public let b: TensorInfo
    /// `nil` where the shapes differ.
    public let difference: Difference?
  }

  public let a: Checkpoint
  public let b: Checkpoint
  /// The tensors that both have, in the order of the first.
  public let tensors: [Tensor]
  public let onlyInA: [TensorInfo]
  public let onlyInB: [TensorInfo]

  /// All tensors that could be compared, as if they were one.
  public var total: Difference {
    tensors.reduce(into: Difference()) { total, tensor in
      if let difference = tensor.difference { total.add(difference) }
    }
  }

  /// Whether the two hold the same tensors with the same bytes.
  public var isSame: Bool {
    onlyInA.isEmpty && onlyInB.isEmpty
      && tensors.allSatisfy { $0.a.dtype == $0.b.dtype && $0.difference?.changedCount == 0 }
  }
}
