@testable import WeirOps

extension KernelElement {
  /// Bits of a magnitude key.
  static var keyBits: Int { self is Float.Type ? 31 : 63 }
}
