internal import WeirIO

/// What readers of checkpoints take as a tensor's name.
enum TensorName {
  /// The first new name that no reader takes, as the rest of a sentence.
  static func complaint(_ names: some Sequence<(old: String, new: String)>) -> String? {
    for name in names {
      guard let problem = SafetensorsHeader.problem(withName: name.new) else { continue }
      return "'rename' of tensor \(MessageText.quoted(name.old)): the new name \(problem); change the rule"
    }
    return nil
  }
}
