/// A regular expression over names of modules, as adapters use them for ranks.
///
/// What Python's `re` understands and such patterns contain: literals, `.`, classes (`[0-9]`, `\d`, `\w`, `\s`), groups,
/// alternatives, repetition (`*`, `+`, `?`, `{m,n}`) and the anchors `^` and `$`. All ways to match are followed at once, so
/// that no pattern takes more than its length times the name's.
struct NamePattern: Sendable {
  /// Why a pattern is not taken, as the rest of a sentence.
  struct Refusal: Error, Equatable { let text: String }

  /// The longest pattern, in characters, and the most states that repetition may make of one.
  private static let longest = 1024
  private static let mostStates = 16_384

  fileprivate indirect enum Part {
    case one(Set)
    case start
    case end
    case sequence([Part])
    case choice([Part])
    case repeated(Part, least: Int, most: Int?)
  }

  /// What one character may be.
  fileprivate struct Set {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false

    func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != isNegated }

    static let any = Set(ranges: [10...10], isNegated: true)
    static let digits = Set(ranges: [48...57])
    static let words = Set(ranges: [48...57, 65...90, 95...95, 97...122])
    static let spaces = Set(ranges: [9...13, 32...32])
  }

  private enum State {
    case one(Set, next: Int)
    case split(Int, Int)
    case start(next: Int)
    case end(next: Int)
    case match
  }

  private var states: [State] = [.match]
  private var first = 0

  /// Reads a pattern.
  init(_ pattern: String) throws(Refusal) {
    guard pattern.unicodeScalars.count <= Self.longest else {
      throw Refusal(text: "is longer than \(Self.longest) characters")
    }
    var parser = Parser(scalars: Array(pattern.unicodeScalars.map(\.value)))
    let part = try parser.choice(depth: 0)
    guard parser.place == parser.scalars.count else { throw Refusal(text: "has a ')' that nothing opens") }
    first = try add(part, before: 0)
  }

  /// Whether a name is, from its start or from behind one of its dots on, what the pattern describes: `(.*\.)?(pattern)$`.
  func matchesEnd(of name: String) -> Bool {
    let scalars = Array(name.unicodeScalars.map(\.value))
    var live = Live(count: states.count)
    for place in 0...scalars.count {
      if place == 0 || scalars[place - 1] == 46 { follow(first, place, scalars.count, &live) }
      if place == scalars.count { return live.hasMatch }
      var next = Live(count: states.count)
      for state in live.ones {
        if case .one(let set, let target) = states[state], set.contains(scalars[place]) {
          follow(target, place + 1, scalars.count, &next)
        }
      }
      live = next
    }
    return false
  }

  /// The states that are reached at a place.
  private struct Live {
    var ones: [Int] = []
    var hasMatch = false
    var seen: [Bool]

    init(count: Int) { seen = [Bool](repeating: false, count: count) }
  }

  private func follow(_ state: Int, _ place: Int, _ count: Int, _ live: inout Live) {
    var stack = [state]
    while let state = stack.popLast() {
      guard !live.seen[state] else { continue }
      live.seen[state] = true
      switch states[state] {
      case .one: live.ones.append(state)
      case .split(let a, let b): stack += [a, b]
      case .start(let next): if place == 0 { stack.append(next) }
      case .end(let next): if place == count { stack.append(next) }
      case .match: live.hasMatch = true
      }
    }
  }

  // MARK: - States

  private mutating func add(_ state: State) throws(Refusal) -> Int {
    guard states.count < Self.mostStates else { throw Refusal(text: "repeats too much") }
    states.append(state)
    return states.count - 1
  }

  /// Adds the states of a part that go on to `next`; the first of them.
  private mutating func add(_ part: Part, before next: Int) throws(Refusal) -> Int {
    switch part {
    case .one(let set): return try add(.one(set, next: next))
    case .start: return try add(.start(next: next))
    case .end: return try add(.end(next: next))
    case .sequence(let parts):
      var next = next
      for part in parts.reversed() { next = try add(part, before: next) }
      return next
    case .choice(let parts):
      var result: Int?
      for part in parts.reversed() {
        let start = try add(part, before: next)
        result = try result.map { (other) throws(Refusal) in try add(.split(start, other)) } ?? start
      }
      return result ?? next
    case .repeated(let part, let least, let most):
      var next = next
      if let most {
        let end = next
        for _ in least..<most { next = try add(.split(try add(part, before: next), end)) }
      } else {
        let loop = try add(.match)
        states[loop] = .split(try add(part, before: loop), next)
        next = loop
      }
      for _ in 0..<least { next = try add(part, before: next) }
      return next
    }
  }
}

/// Reads a pattern from left to right.
private struct Parser {
  typealias Part = NamePattern.Part
  typealias Refusal = NamePattern.Refusal

  let scalars: [UInt32]
  var place = 0

  private static let deepest = 50
  private static let mostRepeats = 256

  private var next: UInt32? { place < scalars.count ? scalars[place] : nil }

  private mutating func take(_ character: Character) -> Bool {
    guard let scalar = character.unicodeScalars.first, next == scalar.value else { return false }
    place += 1
    return true
  }

  mutating func choice(depth: Int) throws(Refusal) -> Part {
    guard depth < Self.deepest else { throw Refusal(text: "nests too deep") }
    var parts = [try sequence(depth)]
    while take("|") { parts.append(try sequence(depth)) }
    return parts.count == 1 ? parts[0] : .choice(parts)
  }

  private mutating func sequence(_ depth: Int) throws(Refusal) -> Part {
    var parts: [Part] = []
    while let scalar = next, scalar != 124, scalar != 41 {
      parts.append(try repeated(try single(depth)))
    }
    return .sequence(parts)
  }

  private mutating func repeated(_ part: Part) throws(Refusal) -> Part {
    var part = part
    while true {
      let range: (Int, Int?)
      if take("*") {
        range = (0, nil)
      } else if take("+") {
        range = (1, nil)
      } else if take("?") {
        range = (0, 1)
      } else if next == 123, let counts = counts() {
        range = counts
      } else {
        return part
      }
      // A lazy repetition matches the same names.
      _ = take("?")
      guard range.0 <= Self.mostRepeats, range.1 ?? 0 <= Self.mostRepeats, range.0 <= range.1 ?? .max else {
        throw Refusal(text: "repeats more than \(Self.mostRepeats) times")
      }
      part = .repeated(part, least: range.0, most: range.1)
    }
  }

  /// `{m}`, `{m,}`, `{,n}` or `{m,n}`; anything else is a plain brace.
  private mutating func counts() -> (Int, Int?)? {
    guard let end = scalars[place...].firstIndex(of: 125) else { return nil }
    let text = String(String.UnicodeScalarView(scalars[place + 1..<end].compactMap(Unicode.Scalar.init)))
    let parts = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
    guard let least = parts[0].isEmpty ? 0 : Int(parts[0]), least >= 0 else { return nil }
    guard parts.count == 2 else {
      guard !parts[0].isEmpty else { return nil }
      place = end + 1
      return (least, least)
    }
    guard parts[1].isEmpty || Int(parts[1]) != nil else { return nil }
    place = end + 1
    return (least, Int(parts[1]))
  }

  private mutating func single(_ depth: Int) throws(Refusal) -> Part {
    guard let scalar = next else { return .sequence([]) }
    place += 1
    switch scalar {
    case 46: return .one(.any)
    case 94: return .start
    case 36: return .end
    case 40:
      if take("?"), !take(":") { throw Refusal(text: "has a group of a kind that is not read") }
      let inner = try choice(depth: depth + 1)
      guard take(")") else { throw Refusal(text: "has a '(' that nothing closes") }
      return inner
    case 91: return .one(try characterClass())
    case 92: return .one(try escaped())
    case 42, 43, 63: throw Refusal(text: "repeats nothing")
    default: return .one(NamePattern.Set(ranges: [scalar...scalar]))
    }
  }

  private mutating func escaped() throws(Refusal) -> NamePattern.Set {
    guard let scalar = next else { throw Refusal(text: "ends in a '\\'") }
    place += 1
    switch scalar {
    case 100: return .digits
    case 119: return .words
    case 115: return .spaces
    default:
      // Letters and digits have meanings; all else stands for itself.
      guard !NamePattern.Set.words.contains(scalar) || scalar == 95 else {
        throw Refusal(text: "has an escape that is not read")
      }
      return NamePattern.Set(ranges: [scalar...scalar])
    }
  }

  private mutating func characterClass() throws(Refusal) -> NamePattern.Set {
    var set = NamePattern.Set(ranges: [])
    set.isNegated = take("^")
    var isFirst = true
    while let scalar = next, scalar != 93 || isFirst {
      isFirst = false
      place += 1
      if scalar == 92 {
        set.ranges += try escaped().ranges
      } else if next == 45, place + 1 < scalars.count, scalars[place + 1] != 93 {
        let last = scalars[place + 1]
        guard scalar <= last, last != 92 else { throw Refusal(text: "has a class that is not read") }
        set.ranges.append(scalar...last)
        place += 2
      } else {
        set.ranges.append(scalar...scalar)
      }
    }
    guard take("]") else { throw Refusal(text: "has a '[' that nothing closes") }
    return set
  }
}
