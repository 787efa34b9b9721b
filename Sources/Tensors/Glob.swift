/// An anchored pattern over tensor names: `*` stands for any characters, dots included, `?` for one.
public struct Glob: Hashable, Sendable {
  public let pattern: String
  private let characters: [Character]

  public init(_ pattern: String) {
    self.pattern = pattern
    characters = Array(pattern)
  }

  /// Whether the whole of `name` matches.
  public func matches(_ name: String) -> Bool { captures(name) != nil }

  /// What each `*` of the pattern stood for in `name`, shortest first match; `nil` where it does not match.
  public func captures(_ name: String) -> [Substring]? {
    let text = Array(name)
    var place = 0
    var at = 0
    var starPlace: Int?
    var starAt = 0
    while at < text.count {
      if place < characters.count, characters[place] == "*" {
        starPlace = place
        starAt = at
        place += 1
      } else if place < characters.count, characters[place] == "?" || characters[place] == text[at] {
        place += 1
        at += 1
      } else if let star = starPlace {
        starAt += 1
        at = starAt
        place = star + 1
      } else {
        return nil
      }
    }
    while place < characters.count, characters[place] == "*" { place += 1 }
    guard place == characters.count else { return nil }
    return spans(in: text, of: name)
  }

  /// Finds each star's text by the same greedy-last, shortest-first walk that the match used.
  private func spans(in text: [Character], of name: String) -> [Substring] {
    let pieces = characters.split(separator: "*", omittingEmptySubsequences: false).map(Array.init)
    guard pieces.count > 1 else { return [] }
    var result: [Substring] = []
    var at = pieces[0].count
    for (number, piece) in pieces.enumerated().dropFirst() {
      let start = at
      if number == pieces.count - 1 {
        at = text.count - piece.count
      } else {
        while !matches(piece, text, at) { at += 1 }
      }
      let from = name.index(name.startIndex, offsetBy: start)
      result.append(name[from..<name.index(name.startIndex, offsetBy: at)])
      at += piece.count
    }
    return result
  }

  private func matches(_ piece: [Character], _ text: [Character], _ at: Int) -> Bool {
    guard at + piece.count <= text.count else { return false }
    return zip(piece, text[at...]).allSatisfy { $0 == "?" || $0 == $1 }
  }
}
