internal import CYaml

/// Reads YAML texts, within limits that no recipe comes near and that no hostile text gets past.
enum YAMLText {
  /// Lists and mappings inside one another.
  static let depthLimit = 64
  /// Values of one text, those that aliases repeat included.
  static let valueLimit = 100_000

  static let tooDeep = "nested deeper than \(depthLimit) levels, expected a recipe"

  /// What is wrong with a text, and where.
  struct Problem: Error, Sendable {
    let position: Position
    let message: String
  }

  /// The documents of a text, and what is odd about them.
  struct Documents: Sendable {
    var roots: [YAMLValue] = []
    var warnings: [Problem] = []
  }

  /// Reads all documents of a text; one that is empty is left out.
  static func parse(_ text: [UInt8]) throws(Problem) -> Documents {
    // SAFETY: the buffer lives until the closure returns, and the events are not used beyond it.
    let outcome: Result<Documents, Problem> = unsafe text.withUnsafeBufferPointer { buffer in
      do throws(Problem) {
        var events = try unsafe YAMLEvents(buffer)
        var composer = YAMLComposer()
        while let event = try events.next() { try composer.take(event) }
        return .success(composer.documents)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}

extension YAMLText {
  /// What people most often do wrong where a text stops being YAML; nothing where that cannot be told.
  static func hint(for problem: Problem, in text: [UInt8]) -> String {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let number = problem.position.line - 1
    guard lines.indices.contains(number) else { return "" }
    let line = lines[number]
    if line.starts(with: Array("```".utf8)) { return "; remove the lines of backticks" }
    if line.prefix(while: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).contains(UInt8(ascii: "\t")) {
      return "; the line begins with a tab, expected spaces"
    }
    if ["mapping values", "expected <block end>", "did not find expected"].contains(where: problem.message.contains) {
      return "; see whether this line and the one before it begin in the right column"
    }
    return ""
  }
}

/// One step in a text.
struct YAMLEvent {
  enum Kind {
    case scalar(YAMLScalar)
    case alias
    case startSequence, endSequence, startMapping, endMapping
    case startDocument
  }

  let kind: Kind
  let position: Position
  /// The name that `&` gives a value, or that `*` repeats.
  var anchor: String?
  /// What `!` says of a value.
  var tag: String?
}

/// The parser's events, copied out of its memory.
@safe struct YAMLEvents: ~Copyable {
  /// The parser keeps a pointer to itself, so that it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var isAtEnd = false

  /// Begins to read a text, which must outlive the events.
  init(_ text: UnsafeBufferPointer<UInt8>) throws(YAMLText.Problem) {
    // SAFETY: one parser is allocated here and freed by `deinit`, which runs exactly once.
    unsafe parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw YAMLText.Problem(position: Position(offset: 0, line: 1, column: 1), message: "too little memory to read it")
    }
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    // SAFETY: as above; deleting a parser that was not initialised frees nothing, for all of it is zero.
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  /// The next event that matters; `nil` at the end of the text.
  mutating func next() throws(YAMLText.Problem) -> YAMLEvent? {
    while !isAtEnd {
      var event = unsafe yaml_event_t()
      // SAFETY: the parser fills the event, whose memory is freed below, after all that is needed was copied.
      guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
      defer { unsafe yaml_event_delete(&event) }
      if unsafe event.type == YAML_STREAM_END_EVENT { isAtEnd = true }
      if let copied = unsafe copy(event) { return copied }
    }
    return nil
  }

  private func copy(_ event: yaml_event_t) -> YAMLEvent? {
    let place = unsafe position(event.start_mark)
    switch unsafe event.type {
    case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .startDocument, position: place)
    case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .endSequence, position: place)
    case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .endMapping, position: place)
    case YAML_ALIAS_EVENT:
      return YAMLEvent(kind: .alias, position: place, anchor: unsafe text(event.data.alias.anchor))
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      return unsafe YAMLEvent(
        kind: .startSequence, position: place, anchor: text(start.anchor), tag: text(start.tag))
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      return unsafe YAMLEvent(
        kind: .startMapping, position: place, anchor: text(start.anchor), tag: text(start.tag))
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      // SAFETY: value and length describe memory of the event, which lives until it is deleted.
      let value = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      return unsafe YAMLEvent(
        kind: .scalar(YAMLScalar(text: value, isPlain: isPlain)), position: place, anchor: text(scalar.anchor),
        tag: text(scalar.tag))
    default: return nil
    }
  }

  private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    // SAFETY: names and tags are terminated, and live as long as their event.
    unsafe pointer.map { unsafe String(decodingCString: $0, as: UTF8.self) }
  }

  private func position(_ mark: yaml_mark_t) -> Position {
    Position(offset: Int(mark.index), line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  /// What the parser stopped at.
  private func problem() -> YAMLText.Problem {
    // SAFETY: the texts are constants of the parser.
    let what = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "it cannot be read"
    let context = unsafe parser.pointee.context.map { unsafe " \(String(cString: $0))" } ?? ""
    let isReader = unsafe parser.pointee.error == YAML_READER_ERROR
    // Bytes that are no characters are reported where the parser is, which has read a little ahead.
    let mark = unsafe isReader ? parser.pointee.mark : parser.pointee.problem_mark
    // The parser has a limit of its own, which it speaks of in words for its callers.
    let isTooDeep = what.hasPrefix("Maximum nesting level")
    return YAMLText.Problem(
      position: position(mark), message: isTooDeep ? YAMLText.tooDeep : "not YAML\(context): \(what)")
  }
}
