/// A published recipe or a primitive: a declaration, and a pure function from a tensor's inputs to an expression.
public protocol Method: Sendable {
  static var declaration: MethodDeclaration { get }

  /// Builds the expression of one output tensor.
  ///
  /// - Throws: ``MethodError`` where the parameters cannot be met for this tensor (weights that sum to zero, say).
  static func merge(_ merge: Merge) throws(MethodError) -> Value

  /// What of a tensor's merge is likely not meant, though it is what the parameters say; of most there is nothing.
  static func warning(of merge: Merge) -> String?

  /// The name of another tensor of the same models that is read beside this one, where they have it; of most there is none.
  static func companion(of tensor: String) -> String?
}

extension Method {
  public static func warning(of merge: Merge) -> String? { nil }

  public static func companion(of tensor: String) -> String? { nil }
}

/// A method's refusal of its parameters; the pipeline adds node and tensor.
public struct MethodError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
