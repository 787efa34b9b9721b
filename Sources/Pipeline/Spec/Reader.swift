internal import WeirIO
internal import WeirTensors

/// Where a value stands, in the words of a message: `node 'merge': 'density'`.
struct Place: Sendable {
  /// The object that holds it, as people call it; empty for the pipeline itself.
  let owner: String
  /// The key under which it stands there, quoted; `nil` where the place is the owner itself.
  let label: String?

  init(_ owner: String, label: String? = nil) {
    self.owner = owner
    self.label = label
  }

  static let pipeline = Place("")

  /// The subject of a sentence about the value.
  var text: String { joined(": ") }

  /// The beginning of a sentence about something inside the value; nothing for the pipeline.
  var prefix: String { joined(", ").isEmpty ? "" : "\(joined(", ")): " }

  /// The value of a key of the object that stands here.
  func key(_ name: String) -> Place { Place(joined(", "), label: MessageText.quoted(name)) }

  /// Element `number`, from 1, of the array that stands here; `noun` names elements that have a name of their own.
  func element(_ number: Int, noun: String?) -> Place {
    let name = "\(noun ?? "\(label ?? "") entry") \(number)"
    return Place(owner.isEmpty ? name : "\(owner), \(name)")
  }

  private func joined(_ separator: String) -> String {
    [owner, label ?? ""].filter { !$0.isEmpty }.joined(separator: separator)
  }
}

/// Where the paths of a pipeline start, and where its output goes if the command line says so.
struct Paths {
  let folder: String
  let output: String?

  /// A path as the process may open it.
  func resolve(_ path: String) -> String {
    guard !path.hasPrefix("/"), !folder.isEmpty, folder != "." else { return path }
    return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
  }
}

/// What one reading of a pipeline knows and finds: positions, variables, everything that is wrong.
final class Reader {
  let file: String?
  let paths: Paths
  private let lines: LineTable
  /// `nil` for a variable whose value was refused.
  private var variables: [String: JSONValue?] = [:]
  private var usedVariables: Set<String> = []
  private(set) var errors: [Diagnostic] = []
  private(set) var warnings: [Diagnostic] = []
  /// How many errors are kept: what is wrong in so many places is told soon enough.
  static let errorLimit = 200
  private var droppedErrors = 0

  init(text: [UInt8], file: String?, paths: Paths) {
    self.file = file
    self.paths = paths
    lines = LineTable(text)
  }

  func position(_ offset: Int) -> Position { lines.position(of: offset) }

  func error(at offset: Int?, _ message: String) {
    guard errors.count < Self.errorLimit else {
      droppedErrors += 1
      return
    }
    errors.append(Diagnostic(message, file: file, position: offset.map(position)))
  }

  func warning(at offset: Int?, _ message: String) {
    warnings.append(Diagnostic(message, severity: .warning, file: file, position: offset.map(position)))
  }

  /// `; did you mean 'x'?` or nothing, and nothing either once errors are no longer kept.
  func hint(for word: String, in candidates: some Sequence<String>) -> String {
    errors.count < Self.errorLimit ? Suggestion.phrase(for: word, in: candidates) : ""
  }

  /// All errors in the order of the text.
  var report: [Diagnostic] {
    guard droppedErrors > 0 else { return Self.sorted(errors) }
    return Self.sorted(errors) + [Diagnostic("\(Wording.count(droppedErrors, "error")) more", file: file)]
  }

  /// Reports that the value at a place is not what belongs there.
  func mismatch(_ value: JSONValue, at place: Place, expected: String) {
    error(at: value.offset, "\(place.text) is \(Wording.found(value)), expected \(expected)")
  }

  /// Whether a member of an object of names is a remark; one that is not a text is reported.
  func passesNote(_ member: JSONMember, at place: Place) -> Bool {
    guard member.key == "note" else { return false }
    if member.value.string == nil {
      mismatch(member.value, at: place.key("note"), expected: "a text; the name 'note' is kept for remarks")
    }
    return true
  }

  /// The diagnostics in the order of the text, each once, what has no place last.
  static func sorted(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    var seen: Set<Diagnostic> = []
    let unique = diagnostics.filter { seen.insert($0).inserted }
    return unique.enumerated().sorted {
      let left = $0.element.position?.offset ?? .max
      let right = $1.element.position?.offset ?? .max
      return left == right ? $0.offset < $1.offset : left < right
    }.map(\.element)
  }
}

// MARK: Variables

extension Reader {
  /// Takes the declared variables and the values that the command line gives them.
  func declare(_ declared: JSONValue?, overrides: [String: String]) {
    let members = declared?.object ?? []
    if let declared, declared.object == nil {
      mismatch(declared, at: Place.pipeline.key("variables"), expected: "an object of names and values")
    }
    for member in members where !passesNote(member, at: Place.pipeline.key("variables")) {
      variables[member.key] = .some(plain(member.value, of: member.key, at: member.value.offset))
    }
    for (name, text) in overrides.sorted(by: { $0.key < $1.key }) {
      guard members.contains(where: { $0.key == name }) else {
        let hint = hint(for: name, in: members.map(\.key))
        error(at: nil, "--set names \(MessageText.quoted(name)), which 'variables' does not declare\(hint)")
        continue
      }
      variables[name] = .some(plain((try? JSON.parse(text)) ?? .string(text), of: name, at: nil))
    }
  }

  /// What a value stands for: itself, or the value of the variable that it names; `nil` after a report.
  func resolve(_ value: JSONValue) -> JSONValue? {
    guard let reference = value["var"] else { return value }
    guard let name = reference.string else {
      error(at: reference.offset, "'var' is \(Wording.found(reference)), expected the name of a variable")
      return nil
    }
    if let other = value.object?.first(where: { $0.key != "var" && $0.key != "note" }) {
      error(
        at: other.keyOffset,
        "key \(MessageText.quoted(other.key)) stands beside 'var', expected 'var' alone; remove one")
      return nil
    }
    usedVariables.insert(name)
    guard let found = variables[name] else {
      let hint = hint(for: name, in: variables.keys.sorted())
      error(
        at: reference.offset,
        "variable \(MessageText.quoted(name)) is not declared, expected a name from 'variables'\(hint)")
      return nil
    }
    return found?.moved(to: value.offset)
  }

  /// Reports the variables that nothing uses.
  func reportUnusedVariables(_ declared: JSONValue?) {
    for member in declared?.object ?? [] where !usedVariables.contains(member.key) && member.key != "note" {
      warning(at: member.keyOffset, "variable \(MessageText.quoted(member.key)) is not used; remove it")
    }
  }

  /// The value if it refers to no variable, else `nil` after a report.
  private func plain(_ value: JSONValue, of name: String, at offset: Int?) -> JSONValue? {
    guard value.hasVariable else { return value }
    error(
      at: offset,
      "variable \(MessageText.quoted(name)) refers to a variable, expected a plain value; write it out")
    return nil
  }
}

extension JSONValue {
  /// Whether an object inside stands for a variable.
  fileprivate var hasVariable: Bool {
    self["var"] != nil || (array ?? object?.map(\.value) ?? []).contains(where: \.hasVariable)
  }

  /// The same value as if all of it stood at `offset`, so that messages point at the place that uses it.
  fileprivate func moved(to offset: Int) -> JSONValue {
    switch content {
    case .array(let elements):
      JSONValue(.array(elements.map { $0.moved(to: offset) }), offset: offset)
    case .object(let members):
      JSONValue(
        .object(members.map { JSONMember(key: $0.key, value: $0.value.moved(to: offset), keyOffset: offset) }),
        offset: offset)
    default: JSONValue(content, offset: offset)
    }
  }
}
