internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// Words of a command line, told apart into parameters of methods or codecs and the rest.
struct ParameterFlags {
  private(set) var positional: [String] = []
  private(set) var problems: [String] = []
  private var given: [(name: String, flag: String, value: String?)] = []
  private let declarations: [MethodDeclaration]
  /// The flags that the program itself takes, for suggestions.
  private let general: [String]

  /// The flags of all commands that make a pipeline.
  private static let common = [
    "output", "include", "exclude", "nan", "print", "memory", "threads", "read-policy", "max-header", "overwrite",
    "json",
    "quiet",
  ]

  /// Reads words by what all declarations together take, for the one that is meant is not yet known.
  ///
  /// - Parameter general: the flags of the command besides those that all such commands have.
  init(_ words: [String], of declarations: [MethodDeclaration], general: [String]) {
    self.declarations = declarations
    self.general = general + Self.common
    var words = words[...]
    while let word = words.popFirst() {
      if word == "--" {
        positional += words
        return
      }
      guard word.hasPrefix("-"), word != "-" else {
        positional.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let flag = String(parts[0])
      var name = Self.name(flag)
      var value = parts.count > 1 ? String(parts[1]) : nil
      if value == nil, isSwitch(name) {
        if let next = words.first, ["true", "false"].contains(next) { value = words.popFirst() }
      } else if value == nil, name.hasPrefix("no_"), isSwitch(String(name.dropFirst(3))) {
        name.removeFirst(3)
        value = "false"
      } else if value == nil, isParameter(name) {
        value = words.popFirst()
        if value == nil { problems.append("\(flag) ends the command line, expected a value after it") }
      }
      given.append((name, flag, value))
    }
  }

  /// The members that the flags stand for; what is wrong is added to ``problems``.
  mutating func parameters(of declaration: MethodDeclaration) -> [(String, JSONValue)] {
    var values: [String: JSONValue] = [:]
    for (name, flag, text) in given {
      guard flag.hasPrefix("--"), let parameter = declaration[parameter: name] else {
        problems.append(unknown(flag, name, declaration))
        continue
      }
      guard values[name] == nil else {
        problems.append("\(flag) is given twice, expected once")
        continue
      }
      guard !parameter.isNamed else {
        problems.append(
          "\(flag) names a source, which a command line does not have; write a pipeline, "
            + "as 'weir methods \(declaration.name)' shows")
        continue
      }
      values[name] = Self.value(text, parameter)
    }
    return declaration.parameters.compactMap { parameter in values[parameter.name].map { (parameter.name, $0) } }
  }

  /// The JSON of a flag's text; the parser of pipelines refuses what does not belong there.
  static func value(_ text: String?, _ parameter: Parameter) -> JSONValue {
    guard let text else { return .bool(true) }
    if case .choice = parameter.kind { return .string(text) }
    return (try? JSON.parse(text)) ?? .string(text)
  }

  private func unknown(_ flag: String, _ name: String, _ declaration: MethodDeclaration) -> String {
    let own = declaration.parameters.map { "--\(Self.spelling($0.name))" }
    if isParameter(name), flag.hasPrefix("--") {
      let expected = own.isEmpty ? "no parameter" : own.joined(separator: ", ")
      return "'\(declaration.name)' takes no \(flag), expected \(expected)"
    }
    let hint = Suggestion.phrase(for: flag, in: own + general.map { "--\($0)" })
    return "unknown option \(MessageText.quoted(flag))"
      + (hint.isEmpty ? "; 'weir methods \(declaration.name)' lists the parameters" : hint)
  }

  /// Whether a parameter has a value.
  func gives(_ name: String) -> Bool { given.contains { $0.name == name } }

  /// A parameter's name as a flag spells it.
  static func spelling(_ name: String) -> String { String(name.map { $0 == "_" ? "-" : $0 }) }

  private static func name(_ flag: String) -> String {
    String(flag.drop { $0 == "-" }.map { $0 == "-" ? "_" : $0 })
  }

  private func isParameter(_ name: String) -> Bool { declarations.contains { $0[parameter: name] != nil } }

  private func isSwitch(_ name: String) -> Bool { declarations.contains { $0[parameter: name]?.kind == .flag } }
}
