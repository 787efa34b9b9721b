internal import WeirIO

/// What readers of checkpoints take as a tensor's name.
enum TensorName {
  /// What is wrong with a name, `nil` if nothing.
  static func problem(_ name: String) -> String? {
    if name.isEmpty { return "is empty, expected a name" }
    if name == "__metadata__" { return "is '__metadata__', expected another name than that of a file's own notes" }
    if name.utf8.count > SafetensorsHeader.maximumNameByteCount {
      return "has \(name.utf8.count) bytes, expected at most \(SafetensorsHeader.maximumNameByteCount)"
    }
    if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      return "is \(MessageText.quoted(name)) and has a control character, expected none"
    }
    return nil
  }

  /// The first new name that no reader takes, as the rest of a sentence.
  static func complaint(_ names: some Sequence<(old: String, new: String)>) -> String? {
    for name in names {
      guard let problem = problem(name.new) else { continue }
      return "the new name of tensor \(MessageText.quoted(name.old)) \(problem); change \"rename\""
    }
    return nil
  }
}
