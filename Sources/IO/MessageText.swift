/// Names from files, made fit for one line of a message.
package enum MessageText {
  /// `name` in single quotes, control characters escaped, cut in the middle where it is longer than 160 characters.
  package static func quoted(_ name: String) -> String {
    guard name.utf8.count > 160 else { return "'\(escaped(name))'" }
    let scalars = name.unicodeScalars
    guard scalars.count > 160 else { return "'\(escaped(name))'" }
    return "'\(escaped(String(scalars.prefix(100))))…\(escaped(String(scalars.suffix(40))))'"
  }

  /// `text` with control characters, line separators and direction marks written as `\u{…}`.
  package static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnfit) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if isUnfit(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isUnfit(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
